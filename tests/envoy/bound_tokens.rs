//! Bound tokens through Envoy: DPoP proofs, and client certificates on a TLS listener that asks for them.

use serde_json::{Value, json};

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use super::support::tls_client::{HOST, PLAIN_CHAINS, filter_chains, status};
use accredit_test_support::certificates::Authority;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::{Key, p256, rsa};
use accredit_test_support::proof::{certificate_thumbprint, key_thumbprint, proof};
use accredit_test_support::service::Service;
use accredit_test_support::token::{Token, now};

fn bound(cnf: Value) -> String {
    Token::of_client(ACME, KID).claim("cnf", cnf).signed(rsa(0))
}

/// A request with a token and a proof. Envoy's listener has no TLS, so its scheme is http.
fn request(path: &str, token: &str, proof: &str) -> RawRequest {
    RawRequest::get(path)
        .host(Some(HOST.as_bytes()))
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", proof)
}

fn good(key: &Key, token: &str) -> Token {
    proof(
        key,
        "ES256",
        ("GET", "http://api.acme.example/things"),
        token,
    )
}

#[tokio::test]
async fn envoy_admits_a_bound_token_with_a_fresh_proof_and_no_other() {
    let scene = Scene::start(Service::ready(&acme(&[])).await).await;
    let token = bound(json!({ "jkt": key_thumbprint(p256(0)) }));
    for _ in 0..2 {
        let fresh = good(p256(0), &token).signed(p256(0));
        scene.admitted(request("/things?a=b", &token, &fresh)).await;
    }
    let used = good(p256(0), &token).signed(p256(0));
    scene.admitted(request("/things", &token, &used)).await;
    let other = bound(json!({ "jkt": key_thumbprint(p256(1)) }));
    let fresh = || good(p256(0), &token);
    let cases = [
        ("/things", used, "replayed_proof"),
        ("/things", String::new(), "missing_proof"),
        ("/other", fresh().signed(p256(0)), "invalid_proof"),
        (
            "/things",
            fresh().claim("htm", "POST").signed(p256(0)),
            "invalid_proof",
        ),
        (
            "/things",
            fresh()
                .claim("htu", "https://api.acme.example/things")
                .signed(p256(0)),
            "invalid_proof",
        ),
        (
            "/things",
            fresh().claim("iat", now() - 120).signed(p256(0)),
            "invalid_proof",
        ),
        (
            "/things",
            fresh().header("typ", "JWT").signed(p256(0)),
            "invalid_proof",
        ),
        ("/things", fresh().signed(p256(1)), "invalid_proof"),
        (
            "/things",
            good(p256(1), &token).signed(p256(1)),
            "invalid_proof",
        ),
        (
            "/things",
            good(p256(0), &other).signed(p256(0)),
            "invalid_proof",
        ),
    ];
    for (path, proof, reason) in cases {
        let before = scene.upstream.count();
        let answer = request(path, &token, &proof)
            .send(scene.envoy.address())
            .await;
        assert_eq!(answer.status, 401, "{answer:?}");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(
            challenge.starts_with("DPoP realm=\"api\", error=\"invalid_dpop_proof\""),
            "{challenge}"
        );
        assert_eq!(scene.next_log().await["reason"], reason, "{path}");
        assert_eq!(scene.upstream.count(), before);
    }
    // As a plain bearer token it is of no use to a thief.
    let stolen = RawRequest::get("/things").bearer(&token);
    let answer = stolen.send(scene.envoy.address()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(scene.next_log().await["reason"], "unproven_binding");
}

#[tokio::test]
async fn envoy_admits_a_token_only_on_a_connection_with_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let chains = filter_chains(&authority, folder.path());
    let (own, other) = (authority.client(), authority.client());
    let accredit = Service::ready(&acme(&[])).await;
    let scene = Scene::start_with(accredit, |bootstrap| {
        bootstrap.change(PLAIN_CHAINS, &chains).change(
            "transport_api_version: V3\n                      grpc_service:",
            "transport_api_version: V3\n                      include_peer_certificate: true\n                      grpc_service:",
        )
    })
    .await;
    let token = bound(json!({ "x5t#S256": certificate_thumbprint(&own.0) }));
    for _ in 0..2 {
        for (client, expected, reason) in [
            (Some(&own), 200, "allowed"),
            (Some(&other), 401, "invalid_proof"),
            (None, 401, "unproven_binding"),
        ] {
            let status = status(scene.envoy.address(), &authority, client, &token).await;
            assert_eq!(status, expected);
            assert_eq!(scene.next_log().await["reason"], reason);
        }
    }
    assert_eq!(scene.upstream.count(), 2);
}
