//! Bound tokens through Envoy: DPoP proofs, and client certificates on a TLS listener that asks for them.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::bootstrap::Bootstrap;
use accredit_test_support::certificates::Authority;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::{Key, p256, rsa};
use accredit_test_support::proof::{certificate_thumbprint, key_thumbprint, proof};
use accredit_test_support::service::Service;
use accredit_test_support::token::{Token, now};

const HOST: &str = "api.acme.example";

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

/// A listener with TLS that asks for a client certificate and does not require one.
fn with_client_certificates(bootstrap: Bootstrap, folder: &Path) -> Bootstrap {
    let folder = folder.display();
    let tls = format!(
        "filter_chains:\n        - transport_socket:\n            name: envoy.transport_sockets.tls\n            typed_config:\n              \
         \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext\n              \
         require_client_certificate: false\n              common_tls_context:\n                tls_certificates:\n                  \
         - certificate_chain: {{ filename: {folder}/server.crt }}\n                    private_key: {{ filename: {folder}/server.key }}\n                \
         validation_context: {{ trusted_ca: {{ filename: {folder}/ca.pem }} }}\n          filters:"
    );
    bootstrap
        .change("filter_chains:\n        - filters:", &tls)
        .change(
            "transport_api_version: V3\n                      grpc_service:",
            "transport_api_version: V3\n                      include_peer_certificate: true\n                      grpc_service:",
        )
}

/// The status of a request over TLS, with this client certificate or none.
async fn status(
    scene: &Scene,
    authority: &Authority,
    client: Option<&(String, String)>,
    token: &str,
) -> u16 {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder
                .with_client_auth_cert(vec![certificate], key)
                .unwrap()
        }
    };
    let stream = TcpStream::connect(scene.envoy.address()).await.unwrap();
    let name = ServerName::try_from(HOST).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    // What a proxy would set, and a client can set too.
    let head = format!(
        "GET /things HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\nx-forwarded-client-cert: Hash=ab\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Envoy may close the connection without a closing message of TLS.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("{answer:?}"))
}

#[tokio::test]
async fn envoy_admits_a_token_only_on_a_connection_with_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let server = authority.certify(HOST);
    server.write(folder.path(), "server");
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let (own, other) = (authority.client(), authority.client());
    let accredit = Service::ready(&acme(&[])).await;
    let scene = Scene::start_with(accredit, |bootstrap| {
        with_client_certificates(bootstrap, folder.path())
    })
    .await;
    let token = bound(json!({ "x5t#S256": certificate_thumbprint(&own.0) }));
    for _ in 0..2 {
        for (client, expected, reason) in [
            (Some(&own), 200, "allowed"),
            (Some(&other), 401, "invalid_proof"),
            (None, 401, "unproven_binding"),
        ] {
            assert_eq!(status(&scene, &authority, client, &token).await, expected);
            assert_eq!(scene.next_log().await["reason"], reason);
        }
    }
    assert_eq!(scene.upstream.count(), 2);
}
