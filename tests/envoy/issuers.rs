//! Several issuers, and key sets in which not every key is one.

use serde_json::json;

use super::support::config::{ACME, KID, acme, inline, issuer};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

fn get() -> RawRequest {
    RawRequest::get("/")
}

#[tokio::test]
async fn two_issuers_can_share_a_key_id_and_unusable_keys_do_no_harm() {
    let rubbish = [
        json!({ "kty": "RSA", "kid": KID, "n": "AQAB", "e": "AQAB" }),
        json!({ "kty": "RSA", "kid": "half" }),
        json!({ "kty": "oct", "kid": KID, "k": "c2VjcmV0" }),
        json!({ "kty": "lattice", "kid": ["not", "text"] }),
        json!("no key at all"),
        json!(null),
    ];
    let mut keys = rubbish.to_vec();
    keys.push(rsa(1).jwk(KID));
    let lines = ["claim_headers: { x-jwt-two: sub }"];
    let yaml = format!(
        "{}{}",
        acme(&[]),
        issuer("https://two.example", &inline(&keys), &lines)
    );
    let scene = Scene::start(Service::ready(&yaml).await).await;

    let one = Token::of_client(ACME, KID);
    let two = Token::of_client("https://two.example", KID);
    let admitted = scene.admitted(get().bearer(&one.signed(rsa(0)))).await;
    assert!(admitted.seen.header("x-jwt-sub").is_some());
    assert_eq!(admitted.seen.header("x-jwt-two"), None);
    let admitted = scene.admitted(get().bearer(&two.signed(rsa(1)))).await;
    assert!(admitted.seen.header("x-jwt-two").is_some());
    assert_eq!(admitted.seen.header("x-jwt-sub"), None);
    // Each issuer's key signs for that issuer alone.
    scene
        .refused(get().bearer(&one.signed(rsa(1))), "invalid_signature")
        .await;
    scene
        .refused(get().bearer(&two.signed(rsa(0))), "invalid_signature")
        .await;
}
