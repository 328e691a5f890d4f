//! The latency of honest checks while other clients open 500 connections with mutual TLS per second.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::caller::Caller;
use crate::key_server::RotatingKeys;
use crate::report::Latencies;
use crate::service::start;
use crate::signer::{ISSUER, Signer};

const HANDSHAKES_PER_SECOND: u32 = 500;
const CHECKS: usize = 2_000;
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// The latencies without and with the handshakes.
pub(crate) async fn measure() -> (Latencies, Latencies) {
    let folder = tempfile::tempdir().unwrap();
    let connector = certify(folder.path());
    let keys = RotatingKeys::start().await;
    let signer = Signer::new(&keys);
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration(folder.path(), &keys.url())).unwrap();
    let (_child, checks, _) = start(&file).await;
    let stream = connect(&connector, checks).await.unwrap();
    let mut caller = Caller::over(stream).await;
    let token = signer.good("honest");
    let rest = call(&mut caller, &token).await;
    let mut flood = JoinSet::new();
    flood.spawn(open_connections(connector, checks));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let flooded = call(&mut caller, &token).await;
    flood.abort_all();
    (rest, flooded)
}

async fn call(caller: &mut Caller, token: &str) -> Latencies {
    let mut latencies = Latencies::default();
    let mut clock = tokio::time::interval(CHECK_INTERVAL);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for _ in 0..CHECKS {
        clock.tick().await;
        let begun = Instant::now();
        let answer = caller.check(token).await;
        latencies.add(begun.elapsed());
        assert!(answer.is_admission_of("honest"), "{answer}");
    }
    latencies
}

/// Opens connections at a constant rate, and closes each after its handshake.
async fn open_connections(connector: TlsConnector, address: SocketAddr) {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / HANDSHAKES_PER_SECOND);
    let mut opening = JoinSet::new();
    loop {
        clock.tick().await;
        while opening.try_join_next().is_some() {}
        let connector = connector.clone();
        opening.spawn(async move {
            // One that is not accepted in time counts as well: the service limits them.
            drop(connect(&connector, address).await);
        });
    }
}

async fn connect(
    connector: &TlsConnector,
    address: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, stream).await
}

/// Writes the certificates of the service, and returns a client that it accepts.
fn certify(folder: &Path) -> TlsConnector {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let signed = |names: &[&str]| {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        (params.signed_by(&key, &issuer).unwrap(), key)
    };
    let (server, server_key) = signed(&["localhost"]);
    let (client, client_key) = signed(&["client.test"]);
    for (name, text) in [
        ("ca.crt", authority.pem()),
        ("tls.crt", server.pem()),
        ("tls.key", server_key.serialize_pem()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![client.der().clone()],
            PrivateKeyDer::Pkcs8(client_key.serialize_der().into()),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

fn configuration(folder: &Path, keys: &str) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    let (certificate, key, authority) = (at("tls.crt"), at("tls.key"), at("ca.crt"));
    format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n\
         tls: {{ certificate: {certificate}, private_key: {key}, client_ca: {authority} }}\n\
         issuers:\n  - issuer: {ISSUER}\n    audiences: [api.test]\n    algorithms: [EdDSA]\n    \
         jwks: {{ uri: '{keys}' }}\n"
    )
}
