//! Each denial of CONTRACT 4.2: the answer to the client, the access log, and no request to the upstream.

use serde_json::json;

use super::support::config::{ACME, KID, acme, issuer};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::issuer::{Answer as KeyAnswer, KeyServer};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::service::Service;
use accredit_test_support::token::{Token, with_bad_signature};

fn get() -> RawRequest {
    RawRequest::get("/api/data?x=1")
}

#[tokio::test]
async fn a_token_with_one_flaw_is_refused_with_the_reason_of_that_flaw() {
    let lines = ["algorithms: [RS256, ES256]", "max_lifetime: 24h"];
    let scene = Scene::start(Service::ready(&acme(&lines)).await).await;
    let good = || Token::of_client(ACME, KID);
    let signed = |token: Token| token.signed(rsa(0));

    for token in accepted() {
        let admitted = scene.admitted(get().bearer(&signed(token))).await;
        assert_eq!(admitted.seen.header("x-jwt-sub").unwrap(), "m2morg_1001");
    }
    scene.refused(get(), "missing_token").await;
    for (what, token, reason) in departures() {
        println!("{what}");
        scene.refused(get().bearer(&signed(token)), reason).await;
    }
    let forged = with_bad_signature(&signed(good()));
    scene
        .refused(get().bearer(&forged), "invalid_signature")
        .await;
    let others = good().signed(rsa(1));
    scene
        .refused(get().bearer(&others), "invalid_signature")
        .await;
    // The first token is still good: no refusal has spoilt anything.
    let token = signed(good());
    scene.admitted(get().bearer(&token)).await;
    let admitted = scene.admitted(get().bearer(&token)).await;
    assert_eq!(
        admitted.seen.header("authorization").unwrap(),
        format!("Bearer {token}")
    );
}

fn accepted() -> Vec<Token> {
    let good = || Token::of_client(ACME, KID);
    vec![
        good(),
        good().without_header("typ"),
        good().header("typ", "application/AT+jwt"),
        good().without_header("kid"),
        // Clocks differ, by half a minute at most.
        good().time("exp", -20),
        good().time("nbf", 20).time("iat", 20),
        good().claim("nbf", json!(null)),
        good().without("nbf"),
        good().claim("aud", "api.acme.example"),
        good().claim("aud", json!(["other", "api.acme.example"])),
        // `max_lifetime` is inclusive.
        good().time("iat", -10).time("exp", 86_390),
    ]
}

fn departures() -> Vec<(&'static str, Token, &'static str)> {
    let good = || Token::of_client(ACME, KID);
    vec![
        (
            "another issuer",
            good().claim("iss", "https://acme.example/"),
            "unknown_issuer",
        ),
        ("no issuer", good().without("iss"), "unknown_issuer"),
        (
            "iss no string",
            good().claim("iss", json!([ACME])),
            "malformed_token",
        ),
        (
            "another algorithm",
            good().header("alg", "RS384"),
            "unsupported_algorithm",
        ),
        (
            "an algorithm of no such name",
            good().header("alg", "rs256"),
            "unsupported_algorithm",
        ),
        (
            "an algorithm that the key does not fit",
            good().header("alg", "ES256"),
            "unsupported_algorithm",
        ),
        (
            "another type",
            good().header("typ", "dpop+jwt"),
            "invalid_type",
        ),
        (
            "an unknown key",
            good().header("kid", "snk_1"),
            "unknown_key",
        ),
        (
            "a kid that is no string",
            good().header("kid", 1),
            "malformed_token",
        ),
        (
            "a binding",
            good().claim("cnf", json!({ "jkt": "x" })),
            "unproven_binding",
        ),
        (
            "a binding that is no object",
            good().claim("cnf", "x"),
            "malformed_token",
        ),
        ("expired", good().time("exp", -31), "expired"),
        ("no exp", good().without("exp"), "missing_claim"),
        (
            "exp null",
            good().claim("exp", json!(null)),
            "missing_claim",
        ),
        (
            "exp no number",
            good().claim("exp", "2000000000"),
            "malformed_token",
        ),
        (
            "exp out of range",
            good().claim("exp", 1e300),
            "malformed_token",
        ),
        ("not yet", good().time("nbf", 90), "not_yet_valid"),
        ("issued in future", good().time("iat", 90), "not_yet_valid"),
        (
            "nbf no number",
            good().claim("nbf", true),
            "malformed_token",
        ),
        (
            "another audience",
            good().claim("aud", "api.other.example"),
            "invalid_audience",
        ),
        (
            "an audience of other case",
            good().claim("aud", "API.acme.example"),
            "invalid_audience",
        ),
        ("no audience", good().without("aud"), "invalid_audience"),
        (
            "an empty audience",
            good().claim("aud", json!([])),
            "invalid_audience",
        ),
        (
            "an audience that is none",
            good().claim("aud", json!([1])),
            "malformed_token",
        ),
        ("no subject", good().without("sub"), "missing_claim"),
        ("an empty subject", good().claim("sub", ""), "missing_claim"),
        (
            "a null subject",
            good().claim("sub", json!(null)),
            "missing_claim",
        ),
        (
            "no iat, which the lifetime needs",
            good().without("iat"),
            "missing_claim",
        ),
        (
            "too long a life",
            good().time("iat", -10).time("exp", 86_391),
            "lifetime_too_long",
        ),
        // The order of reasons, where two things are wrong.
        (
            "expired under an unknown key",
            good().header("kid", "snk_1").time("exp", -31),
            "expired",
        ),
        (
            "expired, and for another",
            good().claim("aud", "x").time("exp", -31),
            "expired",
        ),
        (
            "bound, and expired",
            good().claim("cnf", json!({})).time("exp", -31),
            "unproven_binding",
        ),
    ]
}

#[tokio::test]
async fn unavailable_keys_cause_status_503() {
    let served = KeyServer::with_keys(set([rsa(0).jwk(KID)])).await;
    let down = KeyServer::with_keys(KeyAnswer::of(500, "")).await;
    let uri = |server: &KeyServer| format!("uri: '{}'", server.url("/keys"));
    let yaml = format!(
        "issuers:\n{}{}",
        issuer(ACME, &uri(&served), &[]),
        issuer("https://down.example", &uri(&down), &["required: false"]),
    );
    let scene = Scene::start(Service::ready(&yaml).await).await;
    let unknown = |kid: &str| Token::of_client(ACME, kid).signed(rsa(0));

    let orphan = Token::of_client("https://down.example", KID).signed(rsa(0));
    scene
        .refused(get().bearer(&orphan), "keys_unavailable")
        .await;
    let old = Token::of_client("https://down.example", KID).time("exp", -60);
    scene
        .refused(get().bearer(&old.signed(rsa(0))), "expired")
        .await;

    // The first unknown key is asked for; the next must wait until the cooldown is over.
    assert_eq!(served.count("/keys"), 1);
    scene
        .refused(get().bearer(&unknown("snk_1")), "unknown_key")
        .await;
    scene
        .refused(get().bearer(&unknown("snk_1")), "unknown_key")
        .await;
    let retry_after = scene
        .refused(get().bearer(&unknown("snk_2")), "key_pending")
        .await;
    assert!((1..=10).contains(&retry_after.unwrap()), "{retry_after:?}");
    assert_eq!(served.count("/keys"), 2);

    // Other requests are not affected.
    let good = Token::of_client(ACME, KID).signed(rsa(0));
    scene.admitted(get().bearer(&good)).await;
}
