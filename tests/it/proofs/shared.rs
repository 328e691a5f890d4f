//! A memory of used proofs that replicas share (`replay.redis`).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::http_get::get;
use crate::support::keys::p256;
use crate::support::proof::key_thumbprint;

use super::place::{
    bound, client_request, configuration, explained, good_proof, one_of_many_is_admitted,
};
use super::redis::Redis;
use super::replicas::{count, new_proof, replica, shared, until_connected};

/// The key of a proof in the memory, by its definition.
fn memory_key(id: &str) -> String {
    let thumbprint = URL_SAFE_NO_PAD.decode(key_thumbprint(p256(0))).unwrap();
    let pair = [&thumbprint[..], id.as_bytes()].concat();
    let hash = digest::digest(&digest::SHA256, &pair);
    format!("accredit:proof:{}", URL_SAFE_NO_PAD.encode(hash))
}

#[tokio::test]
async fn replicas_that_share_a_memory_admit_a_proof_once() {
    let redis = Redis::start().await;
    let one = replica(&redis.url(), "").await;
    let other = replica(&redis.url(), "").await;
    let token = bound(p256(0));
    let proof = good_proof(&token);
    let claims: Value = serde_json::from_str(&proof.claims_text()).unwrap();
    let key = memory_key(claims["jti"].as_str().unwrap());
    let proof = proof.signed(p256(0));
    assert_eq!(redis.command("DBSIZE").await, ":0");
    assert_eq!(explained(&one, &token, &proof).await, "allowed");
    for (service, reason) in [
        (&one, "allowed"),
        (&other, "replayed_proof"),
        (&one, "replayed_proof"),
    ] {
        let answer = service.check(client_request(&token, &proof)).await;
        assert_eq!(answer.reason(), reason);
    }
    assert_eq!(redis.command("DBSIZE").await, ":1");
    let left = redis.command(&format!("PTTL {key}")).await;
    let left: u64 = left.trim_start_matches(':').parse().unwrap();
    assert!((90_000..=391_000).contains(&left), "{left}");
    // The second check at the first replica did not need to ask.
    assert_eq!(count(&one, "taken").await, 1);
    assert_eq!(count(&one, "replayed").await, 0);
    assert_eq!(count(&other, "replayed").await, 1);
}

#[tokio::test]
async fn one_of_many_concurrent_checks_at_two_replicas_is_admitted() {
    let redis = Redis::start().await;
    let replicas = [
        replica(&redis.url(), "").await,
        replica(&redis.url(), "").await,
    ];
    let connections = [
        replicas[0].envoy().await,
        replicas[1].envoy().await,
        replicas[0].envoy().await,
        replicas[1].envoy().await,
    ];
    one_of_many_is_admitted(&connections).await;
}

/// A request that is refused for another reason sends no command to Redis, and its proof stays unused at every replica.
#[tokio::test]
async fn a_refused_request_does_not_use_its_proof_up_in_the_shared_memory() {
    let redis = Redis::start().await;
    let rules = "rules: [{ name: go, when: 'request.headers[\"x-go\"] == \"yes\"' }]\n";
    let service = replica(&redis.url(), rules).await;
    let token = bound(p256(0));
    let proof = new_proof(&token);
    for (value, reason) in [("no", "condition_failed"), ("yes", "allowed")] {
        let request = client_request(&token, &proof).header("x-go", value);
        assert_eq!(service.check(request).await.reason(), reason);
    }
    assert_eq!(redis.command("DBSIZE").await, ":1");
}

#[tokio::test]
async fn a_key_of_another_type_counts_as_used() {
    let redis = Redis::start().await;
    let service = replica(&redis.url(), "").await;
    let token = bound(p256(0));
    let proof = good_proof(&token);
    let key = memory_key("known");
    assert_eq!(redis.command(&format!("LPUSH {key} x")).await, ":1");
    let proof = proof.claim("jti", "known").signed(p256(0));
    let answer = service.check(client_request(&token, &proof)).await;
    assert_eq!(answer.reason(), "replayed_proof");
}

#[tokio::test]
async fn a_reload_keeps_the_connection_or_moves_to_another_memory() {
    let (one, other) = (Redis::start().await, Redis::start().await);
    let service = replica(&one.url(), "").await;
    let token = bound(p256(0));
    let proof = new_proof(&token);
    let reason = async |proof: &str| service.check(client_request(&token, proof)).await.reason();
    assert_eq!(reason(&proof).await, "allowed");
    service
        .reload(&shared(&one.url(), "error_details: true\n"))
        .await;
    assert_eq!(count(&service, "taken").await, 1, "the same memory");
    service.reload(&shared(&other.url(), "")).await;
    until_connected(&service, true).await;
    assert_eq!(reason(&proof).await, "replayed_proof");
    assert_eq!(reason(&new_proof(&token)).await, "allowed");
    assert_eq!(other.command("DBSIZE").await, ":1");
    service.reload(&configuration("", "")).await;
    assert_eq!(reason(&proof).await, "replayed_proof");
    let (_, text) = get(service.admin, "localhost", "/metrics").await;
    assert!(!text.contains("accredit_replay_store"), "{text}");
}
