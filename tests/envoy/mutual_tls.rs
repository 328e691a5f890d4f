//! Mutual TLS between Envoy and the service: who may call, who may answer, and certificates that change under load.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::support::config::{ACME, KID, acme};
use super::support::load::Load;
use super::support::logs::logs;
use super::support::scene::Scene;
use accredit_test_support::bootstrap::AuthzTarget;
use accredit_test_support::certificates::{Authority, Certified};
use accredit_test_support::client::RawRequest;
use accredit_test_support::eventually::within;
use accredit_test_support::keys::rsa;
use accredit_test_support::secret::{ACCREDIT, GATEWAY, Secret};
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

/// The service's name for a client that checks DNS names.
const DNS: &str = "accredit.test";

async fn serving(secret: &Secret, names: &[&str]) -> Service {
    let tls = secret.tls("tls", names);
    Service::ready(&format!("{tls}{}", acme(&[]))).await
}

fn good() -> RawRequest {
    RawRequest::get("/").bearer(&Token::of_client(ACME, KID).signed(rsa(0)))
}

/// What a client of our own presents.
fn client(authority: &Authority, certified: Option<&Certified>, alpn: &[&[u8]]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match certified {
        None => builder.with_no_client_auth(),
        Some(certified) => {
            let certificate = CertificateDer::from_pem_slice(certified.certificate.as_bytes());
            let private_key = PrivateKeyDer::from_pem_slice(certified.private_key.as_bytes());
            builder
                .with_client_auth_cert(vec![certificate.unwrap()], private_key.unwrap())
                .unwrap()
        }
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

/// The certificate that the service shows, if it lets this client in; else why not. In TLS 1.3 a client learns that
/// only when it reads.
async fn knock(address: SocketAddr, client: &TlsConnector) -> Result<Vec<u8>, String> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(DNS).unwrap();
    let text = |error: std::io::Error| error.to_string();
    let mut stream = client.connect(name, stream).await.map_err(text)?;
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .map_err(text)?;
    // The service's SETTINGS.
    stream.read_u8().await.map_err(text)?;
    let shown = stream.get_ref().1.peer_certificates().unwrap();
    Ok(shown[0].to_vec())
}

#[tokio::test]
async fn envoy_calls_accredit_over_mutual_tls() {
    let authority = Authority::new();
    let server = Secret::new(&authority.certify(ACCREDIT), authority.pem());
    let gateway = Secret::new(&authority.certify(GATEWAY), authority.pem());
    let folder = gateway.as_envoys();
    let accredit = serving(&server, &[GATEWAY]).await;
    let target = AuthzTarget::Tls(accredit.checks_tcp(), folder.path().to_owned());
    let scene = Scene::asking(target, |shipped| shipped).await;
    scene.admitted(good()).await;
    scene.refused(RawRequest::get("/"), "missing_token").await;
}

#[tokio::test]
async fn an_envoy_with_a_certificate_that_is_not_listed_answers_503() {
    let logs = logs();
    let authority = Authority::new();
    let other = "spiffe://cluster.local/ns/other/sa/envoy-not-listed";
    let server = Secret::new(&authority.certify(ACCREDIT), authority.pem());
    let gateway = Secret::new(&authority.certify(other), authority.pem());
    let folder = gateway.as_envoys();
    let accredit = serving(&server, &[GATEWAY]).await;
    let target = AuthzTarget::Tls(accredit.checks_tcp(), folder.path().to_owned());
    let scene = Scene::asking(target, |shipped| shipped).await;
    let answer = good().send(scene.envoy.address()).await;
    assert_eq!(answer.status, 503);
    assert_eq!(scene.upstream.count(), 0);
    let result = logs.lines_with(other);
    let from = result.iter().all(|line| line.contains("peer=127.0.0.1:"));
    assert!(
        !result.is_empty() && from,
        "the log names the peer and its address: {result:?}"
    );
}

#[tokio::test]
async fn envoy_refuses_a_service_with_another_name_of_the_same_authority() {
    let authority = Authority::new();
    let server = "spiffe://cluster.local/ns/accredit/sa/other";
    let server = Secret::new(&authority.certify(server), authority.pem());
    let gateway = Secret::new(&authority.certify(GATEWAY), authority.pem());
    let folder = gateway.as_envoys();
    let accredit = serving(&server, &[GATEWAY]).await;
    let target = AuthzTarget::Tls(accredit.checks_tcp(), folder.path().to_owned());
    let scene = Scene::asking(target, |shipped| shipped).await;
    assert_eq!(good().send(scene.envoy.address()).await.status, 503);
    assert_eq!(scene.upstream.count(), 0);
}

#[tokio::test]
async fn clients_without_an_accepted_certificate_are_refused_in_the_handshake() {
    let authority = Authority::new();
    let server = Secret::new(&authority.certify(DNS), authority.pem());
    let accredit = serving(&server, &[GATEWAY, "Edge.Example"]).await;
    let address = accredit.checks_tcp();
    let other = Authority::new();
    let expired = authority.certify_with(GATEWAY, |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    let h2: &[&[u8]] = &[b"h2"];
    let cases = [
        (Some(authority.certify(GATEWAY)), h2, Ok(())),
        (Some(authority.certify("edge.example")), h2, Ok(())),
        // A client that offers no protocol means HTTP/2: nothing else is spoken here.
        (Some(authority.certify(GATEWAY)), &[], Ok(())),
        (None, h2, Err("CertificateRequired")),
        (Some(other.certify(GATEWAY)), h2, Err("UnknownCA")),
        (Some(expired), h2, Err("CertificateExpired")),
        (
            Some(authority.certify("www.edge.example")),
            h2,
            Err("Certificate"),
        ),
        (
            Some(authority.certify(&format!("{GATEWAY}/x"))),
            h2,
            Err("Certificate"),
        ),
        (Some(authority.certify(GATEWAY)), &[b"http/1.1"], Err("")),
    ];
    for (number, (certified, alpn, expected)) in cases.into_iter().enumerate() {
        let knocked = knock(address, &client(&authority, certified.as_ref(), alpn)).await;
        match expected {
            Ok(()) => assert!(knocked.is_ok(), "{number}: {knocked:?}"),
            Err(part) => {
                let error = knocked.expect_err(&number.to_string());
                assert!(error.contains(part), "{number}: {error}");
            }
        }
    }
    // And who speaks no TLS at all.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(&[b'x'; 64]).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
}

#[tokio::test]
async fn certificates_rotate_under_load_without_a_lost_request() {
    let authority = Authority::new();
    let mut server = Secret::new(&authority.certify(ACCREDIT), authority.pem());
    let mut gateway = Secret::new(&authority.certify(GATEWAY), authority.pem());
    let folder = gateway.as_envoys();
    let accredit = serving(&server, &[GATEWAY]).await;
    let target = AuthzTarget::Tls(accredit.checks_tcp(), folder.path().to_owned());
    // New handshakes all the time: a connection is given up after a few calls.
    let http2 = "explicit_http_config:";
    let few = format!(
        "common_http_protocol_options: {{ max_requests_per_connection: 5 }}\n          {http2}"
    );
    let scene = Scene::asking(target, |shipped| shipped.change(http2, &few)).await;
    let mut load = Load::start(scene.envoy.address()).await;
    load.admits(50).await;
    for _ in 0..3 {
        let taken = logs().count("certificate renewed");
        // A key without its certificate, on the way there: it changes nothing.
        let stranger = authority.certify(ACCREDIT);
        let torn = Certified {
            private_key: authority.certify(ACCREDIT).private_key,
            ..stranger
        };
        server.replace(&torn, authority.pem());
        load.admits(50).await;
        server.replace(&authority.certify(ACCREDIT), authority.pem());
        gateway.replace(&authority.certify(GATEWAY), authority.pem());
        let is_taken = async {
            while logs().count("certificate renewed") == taken {
                load.admits(1).await;
            }
        };
        within("the new certificate is taken", is_taken).await;
        load.admits(50).await;
    }
}

#[tokio::test]
async fn a_new_certificate_is_used_for_new_connections_and_an_invalid_one_is_not() {
    let (authority, next) = (Authority::new(), Authority::new());
    let first = authority.certify(DNS);
    let mut server = Secret::new(&first, authority.pem());
    let accredit = serving(&server, &[]).await;
    let address = accredit.checks_tcp();
    let der = |certified: &Certified| {
        let pem = certified.certificate.as_bytes();
        CertificateDer::from_pem_slice(pem).unwrap().to_vec()
    };
    let ours = client(&authority, Some(&authority.certify(GATEWAY)), &[b"h2"]);
    assert_eq!(knock(address, &ours).await, Ok(der(&first)));

    // Broken ones: refused, one after the other, and the first serves on.
    let logs = logs();
    let second = authority.certify(DNS);
    let expired = authority.certify_with(DNS, |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    let file = server.path("tls.crt").display().to_string();
    for (broken, said) in [
        (
            expired,
            format!("the certificate in {file} expired on Tue, 01 Jan 2002"),
        ),
        (
            Certified {
                private_key: first.private_key.clone(),
                ..second.clone()
            },
            format!("does not belong to the certificate in {file}"),
        ),
        (
            Certified {
                certificate: "half of a cert".to_owned(),
                ..second.clone()
            },
            format!("{file} holds no certificate"),
        ),
    ] {
        server.replace(&broken, authority.pem());
        let is_said = async {
            while logs.count(&said) == 0 {
                assert_eq!(knock(address, &ours).await, Ok(der(&first)), "{said}");
            }
        };
        within(&said, is_said).await;
        assert_eq!(knock(address, &ours).await, Ok(der(&first)), "{said}");
    }
    // A good one, with another authority for clients.
    server.replace(&second, next.pem());
    let theirs = client(&authority, Some(&next.certify(GATEWAY)), &[b"h2"]);
    let is_shown = async { while knock(address, &theirs).await != Ok(der(&second)) {} };
    within("the second certificate is shown", is_shown).await;
    let refused = knock(address, &ours)
        .await
        .expect_err("of the authority before");
    assert!(refused.contains("UnknownCA"), "{refused}");
}
