//! The samples of RequestAuthentication and AuthorizationPolicy.

use serde_json::{Value, json};

use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::token::Token;

use super::generated::text;
use super::imported::Compared::{BothAdmit, BothRefuse, Named, Stricter};
use super::imported::{Twins, keys, token, with};

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
async fn tokens_are_optional_and_found_in_all_places_as_by_istio() {
    let twins = twins("2-everything").await;
    let signed = good().signed(rsa(0));
    let bad = good().claim("aud", "other").signed(rsa(0));
    let header = |name: &str, value: &str| RawRequest::get("/x").header(name, value);
    twins
        .compare(vec![
            ("none", RawRequest::get("/x"), BothAdmit),
            (
                "a scheme that is not read",
                header("authorization", &format!("Bearer {bad}")),
                BothAdmit,
            ),
            (
                "Token",
                header("authorization", &format!("Token {signed}")),
                BothAdmit,
            ),
            (
                "Token, bad",
                header("authorization", &format!("Token {bad}")),
                BothRefuse,
            ),
            (
                "x-token",
                header("x-token", &format!("Bearer {signed}")),
                BothAdmit,
            ),
            (
                "x-token, bad",
                header("x-token", &format!("Bearer {bad}")),
                BothRefuse,
            ),
            (
                "param",
                RawRequest::get(format!("/x?jwt={signed}")),
                BothAdmit,
            ),
            (
                "param, bad",
                RawRequest::get(format!("/x?jwt={bad}")),
                BothRefuse,
            ),
            (
                "cookie",
                header("cookie", &format!("session={signed}; b=2")),
                BothAdmit,
            ),
            (
                "cookie, bad",
                header("cookie", &format!("session={bad}")),
                BothRefuse,
            ),
            (
                "no aud",
                header(
                    "x-token",
                    &format!("Bearer {}", good().without("aud").signed(rsa(0))),
                ),
                BothRefuse,
            ),
            (
                "an audience with a slash at its end",
                header(
                    "x-token",
                    &format!(
                        "Bearer {}",
                        good()
                            .claim("aud", "https://orders.example/")
                            .signed(rsa(0))
                    ),
                ),
                Stricter,
            ),
            (
                "no sub",
                header(
                    "x-token",
                    &format!("Bearer {}", good().without("sub").signed(rsa(0))),
                ),
                BothAdmit,
            ),
            (
                "cookie, no token",
                header("cookie", "session=none"),
                Named("three parts"),
            ),
            (
                "good param, bad cookie",
                RawRequest::get(format!("/x?jwt={signed}"))
                    .header("cookie", format!("session={bad}")),
                BothRefuse,
            ),
        ])
        .await;
}

#[tokio::test]
async fn conditions_on_claims_hold_as_for_istio() {
    let twins = twins("3-claims").await;
    let of = |path: &str, claim: &str, value: Value| with(path, &good().claim(claim, value));
    let roles = |value: Value| json!({ "roles": value });
    let mut both = good().claim("groups", "admins").claim("sub", "user-2");
    let both_request = with("/both", &both);
    both = both.claim("sub", "user-3");
    twins
        .compare(vec![
            (
                "list admins",
                of("/groups", "groups", json!(["x", "admins"])),
                BothAdmit,
            ),
            (
                "string admins",
                of("/groups", "groups", json!("admins")),
                BothAdmit,
            ),
            (
                "list ops-eu",
                of("/groups", "groups", json!(["ops-eu"])),
                BothAdmit,
            ),
            (
                "string x admins",
                of("/groups", "groups", json!("x admins")),
                BothRefuse,
            ),
            (
                "none of them",
                of("/groups", "groups", json!(["x", 5, null])),
                BothRefuse,
            ),
            (
                "an object",
                of("/groups", "groups", json!({ "admins": true })),
                BothRefuse,
            ),
            ("groups, none", RawRequest::get("/groups"), BothRefuse),
            (
                "nested list",
                of("/nested", "realm_access", roles(json!(["editor"]))),
                BothAdmit,
            ),
            (
                "nested string",
                of("/nested", "realm_access", roles(json!("editor"))),
                BothAdmit,
            ),
            (
                "nested words",
                of("/nested", "realm_access", roles(json!("a editor"))),
                BothRefuse,
            ),
            (
                "nested in a string",
                of("/nested", "realm_access", json!("roles")),
                BothRefuse,
            ),
            (
                "scope words",
                of("/scope", "scope", json!("a orders:read")),
                BothAdmit,
            ),
            (
                "scope list",
                of("/scope", "scope", json!(["a", "orders:read"])),
                BothAdmit,
            ),
            (
                "scope single",
                of("/scope", "scope", json!("orders:read")),
                BothAdmit,
            ),
            (
                "another scope",
                of("/scope", "scope", json!("orders:readx")),
                BothRefuse,
            ),
            (
                "scopes is another claim",
                of("/scope", "scopes", json!(["orders:read"])),
                BothRefuse,
            ),
            (
                "roles words",
                of("/roles", "roles", json!("a reader")),
                BothRefuse,
            ),
            (
                "without banned",
                of("/not", "groups", json!(["x"])),
                BothAdmit,
            ),
            ("banned", of("/not", "groups", json!("banned")), BothRefuse),
            (
                "banned and x",
                of("/not", "groups", json!(["banned", "x"])),
                BothRefuse,
            ),
            ("claim absent", with("/not", &good()), BothAdmit),
            ("not, none", RawRequest::get("/not"), BothAdmit),
            (
                "present string",
                of("/present", "level", json!("x")),
                BothAdmit,
            ),
            (
                "present list",
                of("/present", "level", json!(["x"])),
                BothAdmit,
            ),
            (
                "present number",
                of("/present", "level", json!(5)),
                BothRefuse,
            ),
            (
                "present empty",
                of("/present", "level", json!("")),
                BothRefuse,
            ),
            ("absent", with("/present", &good()), BothRefuse),
            ("number", of("/number", "level", json!(5)), BothRefuse),
            (
                "number as a string",
                of("/number", "level", json!("5")),
                BothAdmit,
            ),
            ("boolean", of("/bool", "vip", json!(true)), BothRefuse),
            (
                "boolean as a string",
                of("/bool", "vip", json!("true")),
                BothAdmit,
            ),
            ("aud string", with("/aud", &good()), BothAdmit),
            (
                "aud list",
                of("/aud", "aud", json!(["x", "api.acme.example"])),
                BothAdmit,
            ),
            ("aud other", of("/aud", "aud", json!("x")), BothRefuse),
            ("azp", of("/presenter", "azp", json!("web")), BothAdmit),
            (
                "principal",
                of("/principal", "sub", json!("user-1")),
                BothAdmit,
            ),
            (
                "another principal",
                of("/principal", "sub", json!("user-2")),
                BothRefuse,
            ),
            ("suffix", of("/suffix", "sub", json!("user-1")), BothAdmit),
            (
                "suffix evil",
                of("/suffix", "sub", json!("evil/user-1")),
                BothRefuse,
            ),
            ("both", both_request, BothAdmit),
            ("one of both", with("/both", &both), BothRefuse),
            (
                "dotted",
                of("/dotted", "example.com/role", json!("x")),
                BothAdmit,
            ),
            ("elsewhere", with("/elsewhere", &good()), BothRefuse),
            (
                "a longer path",
                of("/groups/x", "groups", json!("admins")),
                BothRefuse,
            ),
            (
                "an encoded letter",
                of("/%67roups", "groups", json!("admins")),
                BothAdmit,
            ),
            (
                "a slash at the end",
                of("/groups/", "groups", json!("admins")),
                Named("ignores one slash at the end"),
            ),
            (
                "an encoded slash",
                of("/x%2f..%2fgroups", "groups", json!("admins")),
                BothRefuse,
            ),
        ])
        .await;
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
