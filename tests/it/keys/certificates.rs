//! Which server certificates a fetch trusts, and the error for each that it refuses (CONTRACT 5.8.5, 5.8.7).

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, date_time_ymd};

use crate::support::certificates::{Authority, ServerCertificate};
use crate::support::check_request::ClientRequest;
use crate::support::eventually::eventually;
use crate::support::issuer::{Answer, KeyServer};
use crate::support::keys::rsa;
use crate::support::process::{Running, accredit};
use crate::support::service::Service;
use crate::support::token::Token;

use super::place::old_keys;

pub(super) const ISSUER: &str = "https://issuer.test";

pub(super) fn configuration(jwks: &str) -> String {
    format!("issuers:\n  - issuer: {ISSUER}\n    audiences: [api.test]\n    jwks: {{ {jwks} }}\n")
}

/// The error of the first fetch; empty if it succeeded.
pub(super) async fn error_of(jwks: &str) -> String {
    let service = Service::start(&configuration(jwks));
    let result = eventually("a fetch has ended", async || {
        let result = service.issuers().await.remove(0);
        (result.has_keys || !result.last_error.is_empty()).then_some(result)
    })
    .await;
    if result.has_keys {
        let request = ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0)));
        assert!(service.check(request).await.is_admission());
    }
    result.last_error
}

#[tokio::test]
async fn a_fetch_trusts_the_authorities_of_ca_file_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new(), Authority::new());
    let written = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let our_file = written("ours.pem", ours.pem().to_owned());
    let other_file = written("other.pem", other.pem().to_owned());
    let both_files = written("both.pem", format!("{}{}", other.pem(), ours.pem()));
    let server = KeyServer::over_tls(ours.acceptor("localhost")).await;
    server.serve("/keys", old_keys());
    let plain = KeyServer::with_keys(old_keys()).await;
    let uri = format!("uri: 'https://localhost:{}/keys'", server.port());
    let by_address = format!("uri: 'https://127.0.0.1:{}/keys'", server.port());
    let no_tls = format!("uri: 'https://127.0.0.1:{}/keys'", plain.port());
    for (thing, jwks, good) in [
        ("trusted", format!("{uri}, ca_file: {our_file}"), true),
        ("one of two", format!("{uri}, ca_file: {both_files}"), true),
        ("another's", format!("{uri}, ca_file: {other_file}"), false),
        ("the system's", uri.clone(), false),
        ("allowed http", format!("{uri}, allow_http: true"), false),
        (
            "another name",
            format!("{by_address}, ca_file: {our_file}"),
            false,
        ),
        ("no TLS", format!("{no_tls}, ca_file: {our_file}"), false),
    ] {
        let error = error_of(&jwks).await;
        assert_eq!(error.is_empty(), good, "{thing}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_never_leads_from_https_to_http() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let server = KeyServer::over_tls(authority.acceptor("127.0.0.1")).await;
    let plain = KeyServer::with_keys(old_keys()).await;
    let to = |location: &str| Answer::of(302, "").with("location", location);
    server.serve("/there", old_keys());
    server.serve("/good", to("/there"));
    server.serve("/bad", to(&plain.url("/keys")));
    for (path, good) in [("/good", true), ("/bad", false)] {
        let jwks = format!(
            "uri: 'https://127.0.0.1:{}{path}', ca_file: {}, allow_http: true",
            server.port(),
            file.display()
        );
        let error = error_of(&jwks).await;
        assert_eq!(error.is_empty(), good, "{path}: {error}");
    }
    assert_eq!(plain.count("/keys"), 0);
}

fn parameters(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn authority_parameters(name: &str) -> CertificateParams {
    let mut params = parameters(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

async fn key_server(certificate: &ServerCertificate) -> KeyServer {
    let server = KeyServer::over_tls(certificate.acceptor()).await;
    server.serve("/keys", old_keys());
    server
}

fn jwks(server: &KeyServer, ca_file: &Path) -> String {
    let (port, ca_file) = (server.port(), ca_file.display());
    format!("uri: 'https://localhost:{port}/keys', ca_file: {ca_file}")
}

/// A certificate of `ca_file` is trusted itself, whether it is an authority's or not; its name and its time still count.
#[tokio::test]
async fn a_certificate_that_is_in_ca_file_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let mut expired = parameters("localhost");
    expired.not_after = date_time_ymd(2021, 3, 4);
    for (params, states) in [
        (parameters("localhost"), ""),
        (authority_parameters("localhost"), ""),
        (
            parameters("other.test"),
            "the server's certificate is for \"other.test\", not for localhost",
        ),
        (expired, "expired at 2021-03-04T00:00:00Z"),
    ] {
        let certificate = ServerCertificate::self_signed(params);
        std::fs::write(&file, certificate.pem()).unwrap();
        let server = key_server(&certificate).await;
        let error = error_of(&jwks(&server, &file)).await;
        assert!(error.contains(states), "{error}");
        assert_eq!(error.is_empty(), states.is_empty(), "{error}");
    }
    // Another certificate with the same names is not that one.
    let certificate = ServerCertificate::self_signed(parameters("localhost"));
    let server = key_server(&certificate).await;
    let other = ServerCertificate::self_signed(parameters("localhost"));
    std::fs::write(&file, other.pem()).unwrap();
    let error = error_of(&jwks(&server, &file)).await;
    assert!(error.contains("it is self-signed"), "{error}");
}

#[tokio::test]
async fn the_error_of_a_refused_certificate_states_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let [authority, other] = [(); 2].map(|()| Authority::named("authority"));
    std::fs::write(&file, authority.pem()).unwrap();
    let mut expired = parameters("localhost");
    expired.not_after = date_time_ymd(2022, 1, 2);
    let mut early = parameters("localhost");
    (early.not_before, early.not_after) = (date_time_ymd(2999, 1, 2), date_time_ymd(3000, 1, 2));
    let nameless = CertificateParams::new([]).unwrap();
    let mut two_names = parameters("a.test");
    let second = parameters("b.test").subject_alt_names;
    two_names.subject_alt_names.extend(second);
    let version_1 = ServerCertificate::from_pem(
        include_str!("../../fixtures/tls/version-1.pem"),
        include_str!("../../fixtures/tls/version-1.key"),
    );
    for (certificate, states) in [
        (
            authority.server(expired),
            "a certificate of the server expired at 2022-01-02T00:00:00Z; renew it",
        ),
        (
            authority.server(early),
            "not valid before 2999-01-02T00:00:00Z; correct this machine's clock",
        ),
        (
            authority.server(two_names),
            "is for \"a.test\", \"b.test\", not for localhost; use one of its names",
        ),
        (authority.server(nameless), "it has no subjectAltName"),
        (
            other.server(parameters("localhost")),
            "signed by an authority that is not trusted (its issuer is \"CN=authority\", and the trusted \
             authority of that name has another key); add",
        ),
        (
            other.server(parameters("localhost")),
            "add the authority's certificate to jwks.ca_file",
        ),
        (
            ServerCertificate::self_signed(authority_parameters("localhost")),
            "uses a CA certificate as its own certificate",
        ),
        (version_1, "is X.509 version 1"),
    ] {
        let server = key_server(&certificate).await;
        let error = error_of(&jwks(&server, &file)).await;
        assert!(error.contains(states), "{error}");
        let address = format!("https://localhost:{}/keys: ", server.port());
        assert!(error.starts_with(&address), "{error}");
    }
    let server = key_server(&other.server(parameters("localhost"))).await;
    let uri = format!("uri: 'https://localhost:{}/keys'", server.port());
    let error = error_of(&uri).await;
    assert!(error.contains("set jwks.ca_file to a PEM file"), "{error}");
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    let error = error_of(&format!("uri: 'https://127.0.0.1:{port}/keys'")).await;
    assert!(error.contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn a_rotated_authority_is_trusted_without_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let (old, new) = (Authority::new(), Authority::new());
    std::fs::write(&file, old.pem()).unwrap();
    let server = key_server(&new.server(parameters("localhost"))).await;
    let service = Service::start(&configuration(&jwks(&server, &file)));
    let error = service.refresh_keys().await.remove(0).last_error;
    assert!(error.contains("not trusted"), "{error}");
    // A file that is being replaced, or is lost, leaves the earlier authority trusted.
    std::fs::write(&file, "").unwrap();
    let error = service.refresh_keys().await.remove(0).last_error;
    assert!(error.contains("not trusted"), "{error}");
    std::fs::write(&file, new.pem()).unwrap();
    let error = service.refresh_keys().await.remove(0).last_error;
    assert_eq!(error, "");
    let request = ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0)));
    assert!(service.check(request).await.is_admission());
}

/// The roots of the system are read again too, here those of `SSL_CERT_FILE`.
#[tokio::test]
async fn rotated_roots_of_the_system_are_trusted_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    let file = folder.path().join("accredit.yaml");
    let (old, new) = (Authority::new(), Authority::new());
    std::fs::write(&roots, old.pem()).unwrap();
    let server = key_server(&new.server(parameters("localhost"))).await;
    let uri = format!("uri: 'https://localhost:{}/keys'", server.port());
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{ports}{}", configuration(&uri))).unwrap();
    let mut command = accredit(&["serve", "--config", &file.display().to_string()]);
    command
        .env("SSL_CERT_FILE", &roots)
        .env_remove("SSL_CERT_DIR");
    let mut process = Running::start(&mut command).await;
    let line = process.wait_for_line("key refresh failed").await;
    assert!(line["error"].as_str().unwrap().contains("not trusted"));
    std::fs::write(&roots, new.pem()).unwrap();
    process.wait_for_line("\"ready\"").await;
}
