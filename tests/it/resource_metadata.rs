//! The metadata of the protected API (RFC 9728): the document, and the challenges that name it.

use serde_json::{Value, json};

use crate::support::check_request::{ClientRequest, HEADER_FORMS};
use crate::support::http_get::get;
use crate::support::keys::{rsa, set};
use crate::support::process::{accredit, ended};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, now};

const ISSUER: &str = "https://issuer.test";
const PATH: &str = "/.well-known/oauth-protected-resource/mcp";
const ADDRESS: &str = "https://api.test/.well-known/oauth-protected-resource/mcp";

fn configuration(metadata: &str, more: &str) -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    let other = inline_issuer("not-a-url", &set([rsa(1).jwk("k")]), "");
    format!("issuers:\n{issuer}{other}resource_metadata: {{ {metadata} }}\n{more}")
}

fn document(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn the_document_is_answered_without_a_token_whatever_the_rules_say() {
    let metadata = "resource: https://api.test/mcp, scopes: [read, write]";
    let rules = "rules: [{ name: closed, access: deny }]\n";
    let service = Service::ready(&configuration(metadata, rules)).await;
    let envoy = service.envoy().await;
    for path in [PATH, "/.well-known/oauth-protected-resource?x=y"] {
        for header_form in HEADER_FORMS {
            let request = ClientRequest::plain().path(path).at("other.test");
            let answer = envoy.check(request.message_in(header_form)).await;
            assert_eq!(
                (answer.http, answer.reason().as_str()),
                (200, "resource_metadata")
            );
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(
                document(&answer.body),
                json!({
                    "resource": "https://api.test/mcp",
                    "authorization_servers": [ISSUER],
                    "scopes_supported": ["read", "write"],
                    "bearer_methods_supported": ["header"],
                })
            );
        }
    }
    for (method, path) in [
        ("POST", PATH),
        ("GET", "/.well-known/oauth-protected-resource/x"),
    ] {
        let answer = envoy.check(ClientRequest::plain().to(method, path)).await;
        assert_eq!(answer.reason(), "denied_by_rule", "{method} {path}");
    }
    let (_, text) = get(service.admin, "localhost", "/metrics").await;
    let counted = "decision=\"allow\",reason=\"resource_metadata\"";
    assert!(text.lines().any(|line| line.contains(counted)), "{text}");
}

#[tokio::test]
async fn authorization_servers_can_be_other_than_the_issuers() {
    let metadata =
        "resource: https://api.test, authorization_servers: [https://auth.test/resources/res_1]";
    let sources =
        "token_sources: [{ header: authorization, scheme: Bearer }, { query: access_token }]\n";
    let service = Service::ready(&configuration(metadata, sources)).await;
    let request = ClientRequest::plain().path("/.well-known/oauth-protected-resource");
    let answer = service.check(request).await;
    assert_eq!(
        document(&answer.body),
        json!({
            "resource": "https://api.test",
            "authorization_servers": ["https://auth.test/resources/res_1"],
            "bearer_methods_supported": ["header", "query"],
        })
    );
}

/// CONTRACT 4.5.8
#[tokio::test]
async fn every_challenge_names_the_document() {
    let rules = "rules: [{ name: r, scopes: [read] }]\n";
    let service = Service::ready(&configuration("resource: https://api.test/mcp", rules)).await;
    let envoy = service.envoy().await;
    let named = format!(", resource_metadata=\"{ADDRESS}\"");
    let token = Token::of(ISSUER);
    let expired = token.clone().claim("exp", now() - 100).signed(rsa(0));
    let dpop = format!("DPoP {}", token.signed(rsa(0)));
    for (request, reason, begins) in [
        (
            ClientRequest::plain(),
            "missing_token",
            "Bearer realm=\"api\", resource_metadata=",
        ),
        (
            ClientRequest::bearer(&expired),
            "expired",
            "Bearer realm=\"api\", error=\"invalid_token\"",
        ),
        (
            ClientRequest::bearer(&token.signed(rsa(0))),
            "insufficient_scope",
            "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"read\"",
        ),
        (
            ClientRequest::plain().header("authorization", "Bearer a,Bearer b"),
            "invalid_request",
            "Bearer realm=\"api\", error=\"invalid_request\"",
        ),
        (
            ClientRequest::plain().header("authorization", dpop),
            "invalid_proof",
            "DPoP realm=\"api\", error=\"invalid_dpop_proof\"",
        ),
    ] {
        // The host of the request is a client's choice.
        let answer = envoy.check(request.at("evil.test")).await;
        assert_eq!(answer.reason(), reason);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with(begins), "{challenge}");
        assert!(challenge.ends_with(&named), "{challenge}");
    }
}

#[tokio::test]
async fn check_refuses_metadata_that_clients_cannot_use() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("accredit.yaml");
    for (metadata, place) in [
        ("scopes: [a]", "resource_metadata"),
        ("resource: api.test", "resource_metadata.resource"),
        ("resource: 'http://api.test'", "resource_metadata.resource"),
        (
            "resource: 'https://api.test/?a'",
            "resource_metadata.resource",
        ),
        (
            "resource: 'https://api.test/#a'",
            "resource_metadata.resource",
        ),
        (
            "resource: https://api.test, scopes: ['a b']",
            "resource_metadata.scopes[0]",
        ),
        (
            "resource: https://api.test, scopes: []",
            "resource_metadata.scopes",
        ),
        (
            "resource: https://api.test, authorization_servers: [a]",
            "resource_metadata.authorization_servers[0]",
        ),
    ] {
        std::fs::write(&config, configuration(metadata, "")).unwrap();
        let ended = ended(&mut accredit(&[
            "check",
            "--config",
            config.to_str().unwrap(),
        ]))
        .await;
        assert_eq!(ended.code, Some(2), "{metadata}: {}", ended.stderr);
        assert!(ended.stderr.contains(place), "{metadata}: {}", ended.stderr);
    }
}
