//! A client of an Envoy with TLS, and a listener of Envoy that asks for a client certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use accredit_test_support::certificates::Authority;

/// The name of the server.
pub(crate) const HOST: &str = "api.acme.example";

/// What a shipped file has in place of [`filter_chains`].
pub(crate) const PLAIN_CHAINS: &str = "filter_chains:\n        - filters:";

/// A listener with TLS that asks for a client certificate and does not require one. Writes the certificates into the folder.
pub(crate) fn filter_chains(authority: &Authority, folder: &Path) -> String {
    authority.certify(HOST).write(folder, "server");
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    let folder = folder.display();
    format!(
        "filter_chains:\n        - transport_socket:\n            name: envoy.transport_sockets.tls\n            typed_config:\n              \
         \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext\n              \
         require_client_certificate: false\n              common_tls_context:\n                tls_certificates:\n                  \
         - certificate_chain: {{ filename: {folder}/server.crt }}\n                    private_key: {{ filename: {folder}/server.key }}\n                \
         validation_context: {{ trusted_ca: {{ filename: {folder}/ca.pem }} }}\n          filters:"
    )
}

/// The status of a request over TLS, with this client certificate and its key, or none.
pub(crate) async fn status(
    address: SocketAddr,
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
    let stream = TcpStream::connect(address).await.unwrap();
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
