//! The `context_extensions` of a route, through envoy-route-context.yaml, with the rules of examples/route-context.yaml.

use serde_json::json;

use super::support::config::{KID, SCALEKIT, example};
use super::support::scene::Scene;
use accredit_test_support::bootstrap::Bootstrap;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

async fn scene(configuration: &str, change: impl FnOnce(Bootstrap) -> Bootstrap) -> Scene {
    let accredit = Service::ready(configuration).await;
    Scene::start_with(accredit, |shipped| {
        change(shipped.of("envoy-route-context.yaml"))
    })
    .await
}

async fn shipped() -> Scene {
    scene(&example("route-context.yaml"), |shipped| shipped).await
}

/// A token with these scopes.
fn with(scopes: &[&str]) -> String {
    let token = Token::of_client(SCALEKIT, KID).claim("scopes", json!(scopes));
    token.signed(rsa(0))
}

/// The answer's status, and which rule gave it for which reason.
async fn result(scene: &Scene, request: RawRequest) -> (u16, String, String) {
    let before = scene.upstream.count();
    let answer = request.send(scene.envoy.address()).await;
    let log = scene.next_log().await;
    let reached = scene.upstream.count() - before;
    assert_eq!(reached, usize::from(answer.status == 200), "{log}");
    let text = |name: &str| log[name].as_str().unwrap().to_owned();
    (answer.status, text("rule"), text("reason"))
}

fn expected(status: u16, rule: &str, reason: &str) -> (u16, String, String) {
    (status, rule.to_owned(), reason.to_owned())
}

#[tokio::test]
async fn the_context_of_a_route_selects_the_rule() {
    let scene = shipped().await;
    let (reader, deployer) = (with(&["read:deployments"]), with(&["deploy:applications"]));
    let get = |path: &str| RawRequest::get(path);
    let open = expected(200, "health", "anonymous");
    assert_eq!(result(&scene, get("/healthz")).await, open);
    // The virtual host's `api: acme` is still there, the route's `access: open` is in place of its `token`.
    let post = RawRequest::new("POST", "/healthz").bearer(&deployer);
    let closed = expected(403, "nothing-else", "denied_by_rule");
    assert_eq!(result(&scene, post).await, closed);
    for (path, bearer, status, rule, reason) in [
        ("/healthz/x", None, 401, "others", "missing_token"),
        ("/other", None, 401, "others", "missing_token"),
        ("/other", Some(&reader), 200, "others", "allowed"),
        ("/deployments", None, 401, "deployments", "missing_token"),
        (
            "/deployments/7",
            Some(&reader),
            403,
            "deployments",
            "insufficient_scope",
        ),
        (
            "/deployments/7",
            Some(&deployer),
            200,
            "deployments",
            "allowed",
        ),
        (
            "/deployments-of-others",
            Some(&reader),
            200,
            "others",
            "allowed",
        ),
    ] {
        let request = match bearer {
            Some(token) => get(path).bearer(token),
            None => get(path),
        };
        let result = result(&scene, request).await;
        assert_eq!(result, expected(status, rule, reason), "{path}");
    }
}

#[tokio::test]
async fn a_wider_route_or_a_route_without_context_admits_nothing_more() {
    let wide = |shipped: Bootstrap| {
        shipped.change("- match: { path: /healthz }", "- match: { prefix: / }")
    };
    let example = example("route-context.yaml");
    let closed = expected(403, "nothing-else", "denied_by_rule");
    let scene_of_wide = scene(&example, wide).await;
    let request = RawRequest::get("/deployments/7");
    assert_eq!(result(&scene_of_wide, request).await, closed);

    let silent = |shipped: Bootstrap| {
        shipped.change("context_extensions: { api: acme, access: token }", "{}")
    };
    let scene_of_silent = scene(&example, silent).await;
    let request = RawRequest::get("/other").bearer(&with(&[]));
    assert_eq!(result(&scene_of_silent, request).await, closed);
}

/// Why one rule of the example names a path: otherwise such paths are not looked at.
#[tokio::test]
async fn an_ambiguous_path_does_not_select_another_route() {
    let path = "/other/%2e%2e;/deployments/7";
    let request = || RawRequest::get(path).bearer(&with(&["read:deployments"]));
    let scene_of_shipped = shipped().await;
    let (status, _, reason) = result(&scene_of_shipped, request()).await;
    assert_eq!((status, reason.as_str()), (400, "invalid_request"));

    let example = example("route-context.yaml");
    let named = "paths: [/healthz], ";
    assert_eq!(example.matches(named).count(), 1);
    let without = scene(&example.replace(named, ""), |shipped| shipped).await;
    let passed = expected(200, "others", "allowed");
    assert_eq!(result(&without, request()).await, passed);
    let seen = without.upstream.last_request().unwrap();
    assert_eq!(
        seen.path, "/other/..;/deployments/7",
        "to some an API /deployments/7"
    );
}
