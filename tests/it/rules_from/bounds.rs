//! A file decides about the hosts and paths of its entry only.

use super::place::{Place, decides, decision, request};
use crate::support::http_get::get;

#[tokio::test]
async fn a_file_decides_about_its_hosts_and_paths_only() {
    let place = Place::new();
    // Each rule of this file would match every request.
    place.write(
        "pay/all.yaml",
        "- { match: { paths: [/**, /shop/**], hosts: ['*.test', shop.test] }, access: anonymous }\n",
    );
    let running = place.serve().await;
    for (host, path, rule, reason) in [
        ("shop.test", "/shop/a", "shop:read", "allowed"),
        ("SHOP.test.:8443", "/%73hop/a/?x", "shop:read", "allowed"),
        ("shop.test", "/shop/health", "health", "anonymous"),
        ("shop.test", "/Shop/a", "default", "allowed"),
        ("shop.test", "/", "default", "allowed"),
        ("shop.test", "/shopping", "default", "allowed"),
        ("x.shop.test", "/shop/a", "default", "allowed"),
        ("eu.pay.test", "/shop/a", "all:rules[0]", "anonymous"),
        ("pay.test", "/shop/a", "default", "allowed"),
        ("shop.test", "/shop/../x", "default", "invalid_request"),
        ("shop.test", "/shop/%2e%2e/x", "default", "invalid_request"),
        ("a b", "/x", "default", "invalid_request"),
    ] {
        decides(&running, host, path, rule, reason).await;
    }
    let no_scope = decision(&running, request("shop.test", "/shop/a", "other")).await;
    assert_eq!(no_scope.1, "insufficient_scope");
    let post = request("shop.test", "/shop/a", "shop").to("POST", "/shop/a");
    assert_eq!(decision(&running, post).await.0, "shop:rest");
    let (_, metrics) = get(running.admin, "localhost", "/metrics").await;
    assert!(metrics.contains("rule=\"shop:read\""));
}

/// A client without a token could stop the checks of every host with a long path, because a valid file of one team had many patterns.
#[tokio::test]
async fn a_path_that_is_too_long_for_the_patterns_of_a_file_is_denied_within_its_bounds_only() {
    let place = Place::new();
    let patterns: Vec<String> = (0..1_000)
        .map(|number| format!("'/*q{number:x}*'"))
        .collect();
    let searching = format!(
        "- {{ name: searching, match: {{ paths: [{}] }} }}\n- {{ name: rest, access: anonymous }}\n",
        patterns.join(", ")
    );
    place.write("pay/all.yaml", &searching);
    let running = place.serve().await;
    let long = format!("/{}", "q".repeat(50_000));
    for (host, path, rule, reason) in [
        ("eu.pay.test", long.as_str(), "default", "invalid_request"),
        ("eu.pay.test", "/q", "all:rest", "anonymous"),
        ("eu.pay.test", "/aq1b", "all:searching", "allowed"),
        ("shop.test", long.as_str(), "default", "allowed"),
    ] {
        decides(&running, host, path, rule, reason).await;
    }
    let answer = running.check(request("eu.pay.test", &long, "shop")).await;
    assert_eq!(answer.http, 400);
    assert!(
        answer
            .body
            .contains("comparing the request with the rules takes too many steps")
    );
}

#[tokio::test]
async fn an_ambiguous_path_is_left_to_the_rules_of_the_configuration() {
    let place = Place::new();
    let more =
        "ambiguous_paths: [encoded_slash, dot_segments]\naccept_warnings: [ambiguous_paths]\n";
    place.write("accredit.yaml", &place.configuration(more));
    let running = place.serve().await;
    for (path, rule, reason) in [
        ("/shop/%2e%2e/admin", "default", "invalid_request"),
        ("/shop/../admin", "default", "invalid_request"),
        ("/shop/a%2Fb", "default", "invalid_request"),
        ("/other/a%2Fb", "default", "allowed"),
        ("/shop/a", "shop:read", "allowed"),
    ] {
        decides(&running, "shop.test", path, rule, reason).await;
    }
}
