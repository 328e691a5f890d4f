//! Where the cost of TLS handshakes falls (CONTRACT 7.3.5).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::CertificateParams;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::certificates::Authority;
use crate::support::eventually::within;
use crate::support::process::Running;

use super::common::process_with;

fn connector(authority: &Authority, client: Option<(String, String)>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("is one");
    roots.add(root).expect("can be trusted");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("are supported")
        .with_root_certificates(roots);
    let mut config = match client {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
            let chain = vec![certificate.expect("is one")];
            config
                .with_client_auth_cert(chain, key.expect("is one"))
                .expect("fits")
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// Shakes hands, and reads until the service closes the connection, if it does so because of the handshake.
async fn refused(connector: &TlsConnector, address: SocketAddr) {
    use tokio::io::AsyncReadExt as _;
    let stream = TcpStream::connect(address).await.expect("listens");
    let name = ServerName::try_from("localhost").expect("is one");
    if let Ok(mut stream) = connector.connect(name, stream).await {
        let mut rest = Vec::new();
        let read = within("it is refused", stream.read_to_end(&mut rest)).await;
        assert!(read.is_err(), "{rest:?}");
    }
}

#[tokio::test]
async fn handshakes_take_no_time_of_the_threads_that_answer_checks() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = authority.server_pem(params);
    for (name, text) in [("tls.crt", &certificate), ("tls.key", &key)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("ca.crt"), authority.pem()).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let tls = format!(
        "tls: {{ certificate: {}, private_key: {}, client_ca: {} }}\n",
        at("tls.crt"),
        at("tls.key"),
        at("ca.crt")
    );
    let running = process_with(&folder, &tls).await;
    let before = running.processor_time();
    let stranger = connector(&authority, None);
    for _ in 0..100 {
        refused(&stranger, running.checks).await;
    }
    let after = running.processor_time();
    let grown = |prefix: &str| {
        let of = |times: &BTreeMap<String, u64>| -> u64 {
            let named = times.iter().filter(|(name, _)| name.starts_with(prefix));
            named.map(|(_, time)| *time).sum()
        };
        of(&after) - of(&before)
    };
    let (handshakes, workers) = (grown("handshake-"), grown("worker-"));
    println!("handshakes {handshakes} ns, workers {workers} ns");
    assert!(workers * 10 < handshakes, "{workers} ns of {handshakes} ns");
    // The others have precedence over them.
    let handshakes = nice_values(&running, "handshake-");
    let workers = nice_values(&running, "worker-");
    assert!(
        handshakes.iter().min() > workers.iter().max(),
        "{handshakes:?} {workers:?}"
    );

    // A connection continues on a worker, with what its peer had sent during the handshake.
    let known = connector(&authority, Some(authority.client()));
    let stream = TcpStream::connect(running.checks).await.expect("listens");
    let name = ServerName::try_from("localhost").expect("is one");
    let stream = within("it is accepted", known.connect(name, stream))
        .await
        .expect("is accepted");
    let answered = within("it is answered", answers(stream)).await;
    assert!(answered);
}

/// Whether the peer answers SETTINGS.
async fn answers(mut stream: tokio_rustls::client::TlsStream<TcpStream>) -> bool {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(opening).await.expect("is read");
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).await.is_ok() && answer[3] == 4
}

/// The nice values of the threads whose name begins with that.
fn nice_values(running: &Running, prefix: &str) -> Vec<i64> {
    let stats = running
        .threads()
        .map(|thread| std::fs::read_to_string(thread.join("stat")).expect("runs"));
    let nice = |stat: String| {
        let (name, rest) = stat.split_once('(')?.1.split_once(')')?;
        let nice = rest.split_whitespace().nth(16)?;
        name.starts_with(prefix)
            .then(|| nice.parse().expect("is a number"))
    };
    stats.filter_map(nice).collect()
}
