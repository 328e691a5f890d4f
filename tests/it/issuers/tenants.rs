//! Issuers with a placeholder for the tenant (CONTRACT 8.2).

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::http_get::get;
use crate::support::issuer::KeyServer;
use crate::support::keys::{rsa, set};
use crate::support::process::{accredit, ended};
use crate::support::service::Service;
use crate::support::token::Token;

const TEMPLATE: &str = "https://login.test/{tid}/v2.0";

fn entry(issuer: &str, tenants: &str, jwks: &str) -> String {
    format!(
        "issuers:\n  - issuer: '{issuer}'\n    tenants: {tenants}\n    audiences: [api.test]\n    jwks: {{ {jwks} }}\n"
    )
}

fn inline(issuer: &str, tenants: &str) -> String {
    let keys = set([rsa(0).jwk("k")]);
    entry(issuer, tenants, &format!("inline: '{keys}'"))
}

fn of(tenant: &str) -> Token {
    Token::of(&TEMPLATE.replace("{tid}", tenant)).claim("tid", tenant)
}

#[tokio::test]
async fn a_token_is_accepted_if_its_tenant_is_listed_and_equals_the_claim() {
    let service = Service::ready(&inline(TEMPLATE, "[t-1, t-2]")).await;
    let envoy = service.envoy().await;
    for (thing, token, reason) in [
        ("listed", of("t-1"), "allowed"),
        ("listed too", of("t-2"), "allowed"),
        ("not listed", of("t-3"), "unknown_issuer"),
        (
            "another claim",
            of("t-1").claim("tid", "t-2"),
            "unknown_issuer",
        ),
        ("no claim", of("t-1").without("tid"), "unknown_issuer"),
        (
            "a null claim",
            of("t-1").claim("tid", json!(null)),
            "unknown_issuer",
        ),
        (
            "a list",
            of("t-1").claim("tid", json!(["t-1"])),
            "unknown_issuer",
        ),
        ("a part", of("t-1").claim("tid", "t-"), "unknown_issuer"),
        ("two segments", of("t-1/t-2"), "unknown_issuer"),
        ("encoded", of("t%2D1"), "unknown_issuer"),
        ("the placeholder", of("{tid}"), "unknown_issuer"),
        ("no tenant", of(""), "unknown_issuer"),
        (
            "a final slash",
            of("t-1").claim("iss", "https://login.test/t-1/v2.0/"),
            "unknown_issuer",
        ),
    ] {
        for _ in 0..2 {
            let answer = envoy
                .check(ClientRequest::bearer(&token.signed(rsa(0))))
                .await;
            assert_eq!(answer.reason(), reason, "{thing}");
        }
    }
    let forged = envoy
        .check(ClientRequest::bearer(&of("t-1").signed(rsa(1))))
        .await;
    assert_eq!(forged.reason(), "invalid_signature");
}

#[tokio::test]
async fn any_accepts_every_tenant_whose_claim_equals_the_segment() {
    let service = Service::ready(&inline(TEMPLATE, "any")).await;
    let envoy = service.envoy().await;
    for number in 0..50 {
        let token = of(&format!("tenant-{number}"));
        assert_eq!(
            envoy
                .check(ClientRequest::bearer(&token.signed(rsa(0))))
                .await
                .reason(),
            "allowed"
        );
    }
    let other = of("a").claim("tid", "b").signed(rsa(0));
    assert_eq!(
        envoy.check(ClientRequest::bearer(&other)).await.reason(),
        "unknown_issuer"
    );
}

#[tokio::test]
async fn a_placeholder_can_be_a_label_of_the_host() {
    let service = Service::ready(&inline("https://{org}.login.test/", "[acme]")).await;
    let of = |org: &str| {
        let issuer = format!("https://{org}.login.test/");
        ClientRequest::bearer(&Token::of(&issuer).claim("org", org).signed(rsa(0)))
    };
    assert_eq!(service.check(of("acme")).await.reason(), "allowed");
    assert_eq!(service.check(of("evil")).await.reason(), "unknown_issuer");
    assert_eq!(
        service.check(of("evil.test/acme")).await.reason(),
        "unknown_issuer"
    );
}

/// The metadata has the tenant; labels of metrics have the configured text, or a client could make any number of them.
#[tokio::test]
async fn metadata_has_the_issuer_of_the_tenant_and_metrics_the_configured_one() {
    let service = Service::ready(&inline(TEMPLATE, "any")).await;
    for tenant in ["a", "b", "c"] {
        let issuer = TEMPLATE.replace("{tid}", tenant);
        let answer = service
            .check(ClientRequest::bearer(&of(tenant).signed(rsa(0))))
            .await;
        assert_eq!(answer.text("issuer").as_deref(), Some(issuer.as_str()));
    }
    let (_, text) = get(service.admin, "localhost", "/metrics").await;
    let issuers: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.split_once("issuer=\""))
        .filter_map(|(_, rest)| rest.split('"').next())
        .collect();
    assert_eq!(issuers, [TEMPLATE].into());
}

#[tokio::test]
async fn a_rule_can_name_every_tenant_or_one() {
    let rules = format!(
        "rules:\n  - {{ match: {{ paths: [/all] }}, issuers: ['{TEMPLATE}'] }}\n  - {{ match: {{ paths: [/one] }}, issuers: ['{}'] }}\n",
        TEMPLATE.replace("{tid}", "t-1")
    );
    let service = Service::ready(&format!("{}{rules}", inline(TEMPLATE, "[t-1, t-2]"))).await;
    for (path, tenant, reason) in [
        ("/all", "t-1", "allowed"),
        ("/all", "t-2", "allowed"),
        ("/one", "t-1", "allowed"),
        ("/one", "t-2", "condition_failed"),
    ] {
        let request = ClientRequest::bearer(&of(tenant).signed(rsa(0))).path(path);
        assert_eq!(
            service.check(request).await.reason(),
            reason,
            "{path} {tenant}"
        );
    }
}

/// A tenant of a token is never part of an address.
#[tokio::test]
async fn tokens_of_other_tenants_cause_no_fetch() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let issuer = format!("{}/{{tid}}", server.url(""));
    let jwks = format!("uri: '{}'", server.url("/keys"));
    let service = Service::ready(&entry(&issuer, "any", &jwks)).await;
    for tenant in ["a", "b", "keys"] {
        let token = Token::of(&issuer.replace("{tid}", tenant)).claim("tid", tenant);
        let answer = service
            .check(ClientRequest::bearer(&token.signed(rsa(0))))
            .await;
        assert_eq!(answer.reason(), "allowed");
    }
    assert_eq!(
        server.total(),
        1,
        "only the configured key set was requested"
    );
}

#[tokio::test]
async fn one_listed_tenant_can_use_discovery() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let issuer = server.url("/t-1");
    server.serve_metadata(
        "/t-1/.well-known/openid-configuration",
        &issuer,
        &server.url("/keys"),
    );
    let configuration = format!(
        "issuers:\n  - issuer: '{}'\n    tenants: [t-1]\n    audiences: [api.test]\n",
        server.url("/{tid}")
    );
    let service = Service::ready(&configuration).await;
    let token = Token::of(&issuer).claim("tid", "t-1").signed(rsa(0));
    assert_eq!(
        service.check(ClientRequest::bearer(&token)).await.reason(),
        "allowed"
    );
}

#[tokio::test]
async fn explain_states_why_a_tenant_is_not_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("accredit.yaml");
    std::fs::write(&config, inline(TEMPLATE, "[t-1]")).unwrap();
    let file = folder.path().join("token");
    for (token, cause) in [
        (
            of("t-2"),
            "`tenants` does not list the tenant that `iss` names",
        ),
        (
            of("t-1").claim("tid", "t-2"),
            "the claim with the name of the placeholder differs",
        ),
        (
            of("t-1").without("tid"),
            "the token has no claim with the name of the placeholder",
        ),
    ] {
        std::fs::write(&file, token.signed(rsa(0))).unwrap();
        let (config, file) = (config.to_str().unwrap(), file.to_str().unwrap());
        let arguments = ["explain", "--config", config, "--token-file", file];
        let ended = ended(&mut accredit(&arguments)).await;
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(ended.stdout.contains(cause), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn check_refuses_placeholders_and_tenants_that_cannot_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("accredit.yaml");
    let uri = "uri: https://login.test/keys";
    let two = format!(
        "{}  - issuer: 'https://login.test/{{oid}}/v2.0'\n    tenants: [a]\n    audiences: [a]\n    jwks: {{ {uri} }}\n",
        entry(TEMPLATE, "[a]", uri)
    );
    for (text, place, said) in [
        (
            entry(TEMPLATE, "any", "refresh: 1m"),
            "issuers[0].tenants",
            "needs keys at a fixed address",
        ),
        (
            entry(TEMPLATE, "[a, b]", "refresh: 1m"),
            "issuers[0].issuer",
            "cannot use discovery",
        ),
        (
            entry("https://login.test", "[a]", uri),
            "issuers[0].tenants",
            "no issuer of this entry has a placeholder",
        ),
        (
            entry(TEMPLATE, "[a/b]", uri),
            "issuers[0].tenants[0]",
            "cannot be a segment",
        ),
        (
            entry(TEMPLATE, "[..]", uri),
            "issuers[0].tenants[0]",
            "cannot be a segment",
        ),
        (
            entry(TEMPLATE, "[a, a]", uri),
            "issuers[0].tenants[1]",
            "is listed twice",
        ),
        (entry(TEMPLATE, "[]", uri), "issuers[0].tenants", ""),
        (entry(TEMPLATE, "all", uri), "issuers[0].tenants", ""),
        (
            entry("https://x{tid}.login.test", "[a]", uri),
            "issuers[0].issuer",
            "not a whole segment",
        ),
        (
            entry("https://{a}/{b}", "[a]", uri),
            "issuers[0].issuer",
            "at most one placeholder",
        ),
        (
            entry(TEMPLATE, "[a]", uri).replace("    tenants: [a]\n", ""),
            "issuers[0].issuer",
            "`tenants` is not set",
        ),
        (
            two,
            "issuers[1].issuer",
            "this issuer is also at issuers[0].issuer",
        ),
    ] {
        std::fs::write(&config, &text).unwrap();
        let ended = ended(&mut accredit(&[
            "check",
            "--config",
            config.to_str().unwrap(),
        ]))
        .await;
        assert_eq!(ended.code, Some(2), "{text}{}", ended.stderr);
        let line = ended.stderr.lines().find(|line| line.contains(place));
        let line = line.unwrap_or_else(|| panic!("{text}{}", ended.stderr));
        assert!(line.contains(said), "{text}{line}");
    }
}
