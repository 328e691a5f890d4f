//! What the module knows of the connection's peer: its address, whatever headers the client sends, and its client certificate.

use serde_json::json;

use super::scene::ModuleScene;
use crate::support::config::{ACME, KID, acme};
use crate::support::tls_client::{HOST, PLAIN_CHAINS, filter_chains, status};
use accredit_test_support::certificates::Authority;
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{PINNED, VERSIONS};
use accredit_test_support::keys::{p256, rsa};
use accredit_test_support::proof::{certificate_thumbprint, key_thumbprint, proof};
use accredit_test_support::token::Token;

const TRUSTING: &str = "use_remote_address: true";

/// A rule that admits requests with an address of a header without a token, and one for the peer of the connection.
const RULES: &str = "rules:\n\
    \x20 - { name: named, match: { paths: [/named], addresses: [192.0.2.0/24, '2001:db8::/32'] }, access: anonymous }\n\
    \x20 - { name: peer, match: { paths: [/peer], addresses: [127.0.0.0/8] }, access: anonymous }\n";

/// The status and the reason of a request with this `x-forwarded-for`.
async fn answer(scene: &ModuleScene, path: &str, forwarded_for: Option<&str>) -> (u16, String) {
    let mut request = RawRequest::get(path);
    if let Some(forwarded_for) = forwarded_for {
        request = request.header("x-forwarded-for", forwarded_for);
    }
    let answer = request.send(scene.envoy.address()).await;
    let log = scene.next_log().await;
    let reason = log["reason"].as_str().unwrap_or_default();
    (answer.status, reason.to_owned())
}

async fn scene(version: &'static str, setting: &str) -> ModuleScene {
    let config = format!("{RULES}{}", acme(&[]));
    ModuleScene::start_with(version, &config, |bootstrap| {
        bootstrap.change(TRUSTING, setting)
    })
    .await
}

/// A client can set `x-forwarded-for`. Whatever Envoy makes of it, it must not choose the address that rules read.
#[tokio::test]
async fn no_client_chooses_its_address_by_a_header() {
    let (anonymous, missing, fault) = (
        (200, "anonymous".to_owned()),
        (401, "missing_token".to_owned()),
        (500, "internal_error".to_owned()),
    );
    let hops = format!("{TRUSTING}\n                xff_num_trusted_hops: 1");
    let reading = "use_remote_address: false";
    for (version, setting) in [
        (VERSIONS[0], TRUSTING),
        (VERSIONS[1], TRUSTING),
        (PINNED, TRUSTING),
        (VERSIONS[0], reading),
        (VERSIONS[1], reading),
        (PINNED, reading),
        (PINNED, &hops),
    ] {
        println!("{version} {setting}");
        let scene = scene(version, setting).await;
        // The peer of the connection is on loopback.
        assert_eq!(answer(&scene, "/named", None).await, missing);
        assert_eq!(answer(&scene, "/peer", None).await, anonymous);
        for forwarded_for in ["192.0.2.7", "198.51.100.1, 192.0.2.7", "2001:db8::1"] {
            let is_ignored = setting == TRUSTING;
            for (path, of_peer) in [("/named", &missing), ("/peer", &anonymous)] {
                let expected = if is_ignored { of_peer } else { &fault };
                let answer = answer(&scene, path, Some(forwarded_for)).await;
                assert_eq!(&answer, expected, "{forwarded_for}");
            }
        }
        // Envoy reads no address with a port, so that this is the peer's address.
        for forwarded_for in ["192.0.2.7:40000", "[2001:db8::1]:40000", "unknown", ""] {
            let answer = answer(&scene, "/named", Some(forwarded_for)).await;
            assert_eq!(answer, missing, "{forwarded_for}");
        }
    }
}

#[tokio::test]
async fn an_address_from_a_header_does_not_matter_if_no_rule_reads_it() {
    let scene = ModuleScene::start_with(PINNED, &acme(&[]), |bootstrap| {
        bootstrap.change(TRUSTING, "use_remote_address: false")
    })
    .await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));
    let request = RawRequest::get("/a").bearer(&token);
    scene
        .admitted(request.header("x-forwarded-for", "192.0.2.7"))
        .await;
}

#[tokio::test]
async fn the_module_admits_a_token_only_on_a_connection_with_its_certificate() {
    let authority = Authority::new();
    let (own, other) = (authority.client(), authority.client());
    let thumbprint = certificate_thumbprint(&own.0);
    let token = Token::of_client(ACME, KID)
        .claim("cnf", json!({ "x5t#S256": thumbprint }))
        .signed(rsa(0));
    for version in VERSIONS {
        println!("{version}");
        let folder = tempfile::tempdir().unwrap();
        let chains = filter_chains(&authority, folder.path());
        let scene = ModuleScene::start_with(version, &acme(&[]), |bootstrap| {
            bootstrap.change(PLAIN_CHAINS, &chains)
        })
        .await;
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
}

/// The module works as it should, so that the status is that of the service.
#[tokio::test]
async fn a_full_memory_of_used_proofs_is_a_503_inside_envoy() {
    let config = format!("replay: {{ size: 2 }}\n{}", acme(&[]));
    let scene = ModuleScene::start(PINNED, &config).await;
    let token = Token::of_client(ACME, KID)
        .claim("cnf", json!({ "jkt": key_thumbprint(p256(0)) }))
        .signed(rsa(0));
    let request = || {
        let target = ("GET", "http://api.acme.example/things");
        let proof = proof(p256(0), "ES256", target, &token).signed(p256(0));
        RawRequest::get("/things")
            .host(Some(HOST.as_bytes()))
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", proof)
    };
    scene.admitted(request()).await;
    let answer = request().send(scene.envoy.address()).await;
    let log = scene.next_log().await;
    assert_eq!(answer.status, 503, "{log}");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(log["reason"], "internal_error");
    assert_eq!(scene.counter("accredit_faults").await, Some(0));
}
