//! The samples of RequestAuthentication and AuthorizationPolicy.

use serde_json::{Value, json};

use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::token::Token;

use super::generated::text;
use super::imported::Compared::{BothAdmit, BothRefuse, Named, Stricter};
use super::imported::{Twins, keys, token, with};

mod claims;
mod places;

/// The issuer of the samples.
const ISSUER: &str = "http://127.0.0.1:9193";

fn good() -> Token {
    token(ISSUER)
}

/// The sample with that name, with the tests' keys.
async fn twins(name: &str) -> Twins {
    let mut root: Value = serde_json::from_str(&text("istio", &format!("ra-{name}.json"))).unwrap();
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let manager = root.pointer_mut(manager).unwrap();
    for filter in manager["http_filters"].as_array_mut().unwrap() {
        if let Some(provider) = filter.pointer_mut("/typed_config/providers/origins-0") {
            provider["local_jwks"] = json!({ "inline_string": keys() });
        }
    }
    let own = format!("jwks: '{}'", keys());
    let manifest = text("istio/requestauthentication", &format!("{name}.yaml"))
        .replace(&format!("jwksUri: {ISSUER}/keys"), &own)
        .replace("jwks: 'JWKS'", &own);
    let manifest = match name {
        // istiod had found the keys by discovery.
        "6-discovery" => format!("{}\n      {own}\n", manifest.trim_end()),
        _ => manifest,
    };
    Twins::start(manager, &manifest).await
}

/// Requests whose admission depends on the token alone.
fn tokens() -> Vec<(&'static str, RawRequest, super::imported::Compared)> {
    let bearer = |token: &str| RawRequest::get("/x").bearer(token);
    let signed = good().signed(rsa(0));
    vec![
        ("good", with("/x", &good()), BothAdmit),
        ("garbage", bearer("garbage"), BothRefuse),
        ("forged", bearer(&good().signed(rsa(1))), BothRefuse),
        (
            "unknown issuer",
            with("/x", &token("https://other.example")),
            BothRefuse,
        ),
        (
            "expired",
            with("/x", &good().time("exp", -3600)),
            BothRefuse,
        ),
        (
            "expired 50 s ago",
            with("/x", &good().time("exp", -50)),
            BothAdmit,
        ),
        (
            "valid in 50 s",
            with("/x", &good().time("nbf", 50)),
            BothAdmit,
        ),
        (
            "valid in 90 s",
            with("/x", &good().time("nbf", 90)),
            BothRefuse,
        ),
        ("no exp", with("/x", &good().without("exp")), Stricter),
        (
            "no kid",
            with("/x", &good().without_header("kid")),
            BothAdmit,
        ),
        ("unknown kid", with("/x", &good().kid("other")), BothRefuse),
        (
            "in the query",
            RawRequest::get(format!("/x?access_token={signed}")),
            BothAdmit,
        ),
        (
            "two different tokens",
            RawRequest::get(format!(
                "/x?access_token={}",
                good().claim("jti", "2").signed(rsa(0))
            ))
            .bearer(&signed),
            Stricter,
        ),
    ]
}

#[tokio::test]
async fn any_token_is_demanded_as_by_istio() {
    let twins = twins("1-any-token").await;
    let signed = good().signed(rsa(0));
    let mut cases = tokens();
    cases.extend([
        ("none", RawRequest::get("/x"), BothRefuse),
        ("no sub", with("/x", &good().without("sub")), BothRefuse),
        ("no aud", with("/x", &good().without("aud")), BothAdmit),
        (
            "Basic",
            RawRequest::get("/x").header("authorization", "Basic YTpi"),
            BothRefuse,
        ),
        (
            "bearer",
            RawRequest::get("/x").header("authorization", format!("bearer {signed}")),
            Named("without regard to case"),
        ),
    ]);
    twins.compare(cases).await;
}

#[tokio::test]
async fn open_paths_of_a_denial_are_open_as_for_istio() {
    let twins = twins("4-deny-missing").await;
    let mut cases = tokens();
    cases.extend([
        ("none", RawRequest::get("/x"), BothRefuse),
        ("no sub", with("/x", &good().without("sub")), BothRefuse),
        ("none /healthz", RawRequest::get("/healthz"), BothAdmit),
        (
            "none /healthz/",
            RawRequest::get("/healthz/"),
            Named("ignores one slash at the end"),
        ),
        (
            "bad token /healthz",
            RawRequest::get("/healthz").bearer("garbage"),
            BothRefuse,
        ),
        ("none /docs/a", RawRequest::get("/docs/a/b"), BothAdmit),
        ("none /docs", RawRequest::get("/docs"), BothRefuse),
        ("none /docs/", RawRequest::get("/docs/"), Stricter),
        ("none /docsx", RawRequest::get("/docsx"), BothRefuse),
        (
            "none /docs/..%2fx",
            RawRequest::get("/docs/..%2fx"),
            Stricter,
        ),
        (
            "none /docs/%2e%2e/x",
            RawRequest::get("/docs/%2e%2e/x"),
            BothRefuse,
        ),
        ("none /docs/../x", RawRequest::get("/docs/../x"), BothRefuse),
        ("none //docs/a", RawRequest::get("//docs/a"), BothAdmit),
        ("none /docs;/x", RawRequest::get("/docs;/x"), BothRefuse),
    ]);
    twins.compare(cases).await;
}

#[tokio::test]
async fn two_issuers_hosts_and_methods_are_compared_as_by_istio() {
    let twins = twins("5-two-issuers-one-down").await;
    let at = |host: &str| with("/x", &good()).host(Some(host.as_bytes()));
    let signed = good().signed(rsa(0));
    let method = |method: &str| {
        RawRequest::new(method, "/x")
            .host(Some(b"api.acme.example"))
            .bearer(&signed)
    };
    twins
        .compare(vec![
            ("good", at("api.acme.example"), BothAdmit),
            ("capital letters", at("API.Acme.Example"), BothAdmit),
            ("a name below", at("a.b.acme.example"), BothAdmit),
            ("the name itself", at("acme.example"), BothRefuse),
            ("other host", at("other.example"), BothRefuse),
            (
                "a port",
                at("api.acme.example:8080"),
                Named("with every port"),
            ),
            (
                "none",
                RawRequest::get("/x").host(Some(b"api.acme.example")),
                BothRefuse,
            ),
            (
                "down issuer",
                with("/x", &token("https://down.example")).host(Some(b"api.acme.example")),
                BothRefuse,
            ),
            ("POST", method("POST"), BothRefuse),
            ("HEAD", method("HEAD"), BothRefuse),
        ])
        .await;
}

#[tokio::test]
async fn an_issuer_without_policies_is_optional_as_for_istio() {
    let twins = twins("6-discovery").await;
    let mut cases = tokens();
    cases.push(("none", RawRequest::get("/x"), BothAdmit));
    cases.push(("no sub", with("/x", &good().without("sub")), BothAdmit));
    twins.compare(cases).await;
}
