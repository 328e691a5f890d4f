//! The samples of Envoy Gateway's SecurityPolicy.

use serde_json::{Value, json};

use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::token::Token;

use super::generated::{in_snake_case, text};
use super::imported::Compared::{BothAdmit, BothRefuse, Named, Stricter};
use super::imported::{Twins, import, keys, token, with};

const ACME: &str = "https://acme.scalekit.dev";

/// The route that the samples are for. It has every request.
const ROUTE: &str = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: api, namespace: api }\n\
    spec: { rules: [{ matches: [{ path: { type: PathPrefix, value: / } }] }] }\n";

fn good() -> Token {
    token(ACME)
}

/// The connection manager with the filters of the sample, and the tests' keys in place of each key set.
fn manager(name: &str) -> Value {
    let sample: Value =
        serde_json::from_str(&text("envoy-gateway/jwt", &format!("{name}.json"))).unwrap();
    let mut sample = in_snake_case(sample);
    let providers = sample
        .pointer_mut("/http_filters/0/typed_config/providers")
        .unwrap();
    for provider in providers.as_object_mut().unwrap().values_mut() {
        provider.as_object_mut().unwrap().remove("remote_jwks");
        provider["local_jwks"] = json!({ "inline_string": keys() });
    }
    let mut filters = sample["http_filters"].as_array().unwrap().clone();
    filters.push(
        json!({ "name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }),
    );
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x", "http_filters": filters, "normalize_path": true, "merge_slashes": true, "use_remote_address": true,
        "route_config": { "virtual_hosts": [{ "name": "v", "domains": ["*"], "routes": sample["routes"] }] },
    })
}

/// The manifest of the sample with the tests' keys in place of each key set, and its route.
fn manifest(name: &str) -> String {
    let mut manifest = String::new();
    let own = format!("localJWKS: {{ type: Inline, inline: '{}' }}", keys());
    let mut is_in_block = false;
    for line in text("envoy-gateway/jwt", &format!("{name}.yaml")).lines() {
        let indent = line.len() - line.trim_start().len();
        let key = line.trim_start();
        if is_in_block && indent > 8 {
            continue;
        }
        is_in_block = key == "remoteJWKS:";
        let is_keys =
            key.starts_with("remoteJWKS:") || key.starts_with("localJWKS: { type: Inline");
        match is_keys {
            true => manifest.push_str(&format!("{}{own}\n", " ".repeat(indent))),
            false => manifest.push_str(&format!("{line}\n")),
        }
    }
    manifest + ROUTE
}

async fn twins(name: &str) -> Twins {
    Twins::start(&manager(name), &manifest(name)).await
}

#[tokio::test]
async fn one_provider_is_required_as_by_envoy_gateway() {
    let signed = good().signed(rsa(0));
    twins("one-remote")
        .await
        .compare(vec![
            ("none", RawRequest::get("/x"), BothRefuse),
            ("good", with("/x", &good()), BothAdmit),
            ("no sub", with("/x", &good().without("sub")), BothAdmit),
            (
                "another audience",
                with("/x", &good().claim("aud", "b")),
                BothRefuse,
            ),
            (
                "no audience",
                with("/x", &good().without("aud")),
                BothRefuse,
            ),
            (
                "an audience as an address",
                with("/x", &good().claim("aud", "https://api.acme.example")),
                Stricter,
            ),
            (
                "another issuer",
                with("/x", &token("https://other.example")),
                BothRefuse,
            ),
            (
                "forged",
                RawRequest::get("/x").bearer(&good().signed(rsa(1))),
                BothRefuse,
            ),
            ("expired", with("/x", &good().time("exp", -90)), BothRefuse),
            (
                "expired 50 s ago",
                with("/x", &good().time("exp", -50)),
                BothAdmit,
            ),
            (
                "in the query",
                RawRequest::get(format!("/x?access_token={signed}")),
                BothAdmit,
            ),
            (
                "bearer",
                RawRequest::get("/x").header("authorization", format!("bearer {signed}")),
                Named("without regard to case"),
            ),
        ])
        .await;
}

#[tokio::test]
async fn two_optional_providers_are_accepted_as_by_envoy_gateway() {
    let partner = Token::of("https://partner.example/oauth").claim("aud", "anything");
    let in_header =
        |token: &Token| RawRequest::get("/x").header("x-api-token", token.signed(rsa(0)));
    let in_cookie = |token: &Token| {
        RawRequest::get("/x").header("cookie", format!("session={}", token.signed(rsa(0))))
    };
    twins("two-optional")
        .await
        .compare(vec![
            ("none", RawRequest::get("/x"), BothAdmit),
            ("the first", with("/x", &good()), BothAdmit),
            (
                "its second audience",
                with("/x", &good().claim("aud", "deploy.acme.example")),
                BothAdmit,
            ),
            (
                "another audience",
                with("/x", &good().claim("aud", "b")),
                BothRefuse,
            ),
            ("the partner", with("/x", &partner), BothAdmit),
            ("the first in its header", in_header(&good()), BothAdmit),
            ("the first in its cookie", in_cookie(&good()), BothAdmit),
            (
                "a bad one in its cookie",
                in_cookie(&good().claim("aud", "b")),
                BothRefuse,
            ),
            (
                "garbage",
                RawRequest::get("/x").bearer("garbage"),
                BothRefuse,
            ),
            (
                "another issuer",
                with("/x", &token("https://other.example")),
                BothRefuse,
            ),
        ])
        .await;
}

#[tokio::test]
async fn rules_of_an_authorization_hold_as_for_envoy_gateway() {
    let deployer = || {
        good()
            .claim("scope", "a deploy:applications")
            .claim("custom_claims", json!({ "environment": "production_eu" }))
            .claim("groups", json!(["ops"]))
    };
    let send =
        |method: &str, token: &Token| RawRequest::new(method, "/x").bearer(&token.signed(rsa(0)));
    twins("authorization")
        .await
        .compare(vec![
            ("a deployer", send("POST", &deployer()), BothAdmit),
            (
                "scp as a list",
                send(
                    "POST",
                    &deployer()
                        .without("scope")
                        .claim("scp", json!(["deploy:applications"])),
                ),
                BothAdmit,
            ),
            ("another method", send("GET", &deployer()), BothRefuse),
            (
                "another scope",
                send("POST", &deployer().claim("scope", "deploy")),
                BothRefuse,
            ),
            (
                "another environment",
                send(
                    "POST",
                    &deployer().claim("custom_claims", json!({ "environment": "test" })),
                ),
                BothRefuse,
            ),
            (
                "environments in a list",
                send(
                    "POST",
                    &deployer().claim("custom_claims", json!({ "environment": ["production_eu"] })),
                ),
                BothRefuse,
            ),
            (
                "a group as a string",
                send("POST", &deployer().claim("groups", "ops")),
                BothRefuse,
            ),
            ("no claims", send("POST", &good()), BothRefuse),
            ("none", RawRequest::new("POST", "/x"), BothRefuse),
        ])
        .await;
}

#[tokio::test]
async fn a_policy_that_fails_open_admits_no_bad_token_after_its_import() {
    twins("failopen")
        .await
        .compare(vec![
            ("none", RawRequest::get("/x"), BothAdmit),
            ("good", with("/x", &good()), BothAdmit),
            ("garbage", RawRequest::get("/x").bearer("garbage"), Stricter),
        ])
        .await;
}

#[tokio::test]
async fn keys_in_the_manifest_verify_as_for_envoy_gateway() {
    let good = Token::of("https://local.example");
    twins("local-inline")
        .await
        .compare(vec![
            ("none", RawRequest::get("/x"), BothRefuse),
            ("good", with("/x", &good), BothAdmit),
            (
                "forged",
                RawRequest::get("/x").bearer(&good.signed(rsa(1))),
                BothRefuse,
            ),
        ])
        .await;
}

/// Without an issuer, every issuer would count; nothing is left to import.
#[tokio::test]
async fn a_provider_without_issuer_is_named_and_not_imported() {
    let (code, yaml, said) = import(&manifest("local-configmap-noissuer")).await;
    assert_eq!((code, yaml.as_str()), (Some(2), ""));
    assert!(said.contains("a provider without `issuer`"), "{said}");
}
