//! How the receiver of spans and we prove to each other who we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::support::certificates::Authority;
use super::support::check_request::ClientRequest;
use super::support::eventually::eventually;
use super::support::http_get::get;
use super::support::otlp::Receiver;
use super::traces::{CHECK, key_server, serving, traced, with_id};

const PROTOCOLS: [&str; 2] = ["grpc", "http/protobuf"];
const GENERAL: &str = "OTEL_EXPORTER_OTLP_";
const OF_TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_";

/// Files that end with their folder.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().expect("a folder"))
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.path().join(name);
        std::fs::write(&file, text).expect("is written");
        file
    }
}

/// Speaks what a receiver speaks: both protocols.
fn receiving(acceptor: &TlsAcceptor) -> TlsAcceptor {
    let mut config = ServerConfig::clone(acceptor.config());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// The three variables with that beginning, for a client of that authority.
fn prove(
    command: &mut tokio::process::Command,
    beginning: &str,
    receiver: &Path,
    files: &Files,
    clients: &Authority,
) {
    let (certificate, key) = clients.client();
    let file = |what: &str, text: &str| files.put(&format!("{beginning}{what}"), text);
    command
        .env(format!("{beginning}CERTIFICATE"), receiver)
        .env(
            format!("{beginning}CLIENT_CERTIFICATE"),
            file("certificate", &certificate),
        )
        .env(format!("{beginning}CLIENT_KEY"), file("key", &key));
}

#[tokio::test]
async fn a_trace_receiver_is_trusted_by_its_certificate_over_both_protocols() {
    let keys = key_server().await;
    let (authority, files) = (Authority::new(), Files::new());
    let file = files.put("ca.pem", authority.pem());
    let tls = receiving(&authority.acceptor("127.0.0.1"));
    for (protocol, trusted_by) in [
        ("grpc", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
        ("http/protobuf", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
        // The system's roots, as the libraries find them.
        ("grpc", "SSL_CERT_FILE"),
        ("http/protobuf", "SSL_CERT_FILE"),
    ] {
        let receiver = Receiver::start_with(Some(tls.clone())).await;
        let mut command = traced(&keys, &format!("https://{}", receiver.address));
        command
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env(trusted_by, &file);
        let running = serving(&mut command).await;
        let id = format!("{protocol} {trusted_by}");
        running
            .check(ClientRequest::plain().header("x-request-id", id.as_str()))
            .await;
        receiver.span(CHECK, with_id(&id)).await;
    }
}

#[tokio::test]
async fn a_trace_receiver_that_requires_a_client_certificate_gets_it() {
    let (keys, files) = (key_server().await, Files::new());
    let [ours, clients, strangers] = [(); 3].map(|()| Authority::new());
    let tls = receiving(&ours.acceptor_of_clients("127.0.0.1", &clients));
    let trusted = files.put("receiver.pem", ours.pem());
    for protocol in PROTOCOLS {
        for beginning in [GENERAL, OF_TRACES] {
            let receiver = Receiver::start_with(Some(tls.clone())).await;
            let mut command = traced(&keys, &format!("https://{}", receiver.address));
            command.env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
            if beginning == OF_TRACES {
                // What is for traces beats what is for everything, which would fail here.
                let useless = files.put("useless.pem", strangers.pem());
                prove(&mut command, GENERAL, &useless, &files, &strangers);
            }
            prove(&mut command, beginning, &trusted, &files, &clients);
            let running = serving(&mut command).await;
            let id = format!("{protocol} {beginning}");
            running
                .check(ClientRequest::plain().header("x-request-id", id.as_str()))
                .await;
            receiver.span(CHECK, with_id(&id)).await;
        }
    }
}

#[tokio::test]
async fn without_the_required_client_certificate_spans_are_lost_and_counted() {
    let (keys, files) = (key_server().await, Files::new());
    let [ours, clients, strangers] = [(); 3].map(|()| Authority::new());
    let tls = receiving(&ours.acceptor_of_clients("127.0.0.1", &clients));
    let trusted = files.put("receiver.pem", ours.pem());
    for (protocol, with) in [
        ("grpc", None),
        ("http/protobuf", None),
        ("grpc", Some(&strangers)),
        ("http/protobuf", Some(&strangers)),
    ] {
        let receiver = Receiver::start_with(Some(tls.clone())).await;
        let mut command = traced(&keys, &format!("https://{}", receiver.address));
        command
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("OTEL_EXPORTER_OTLP_CERTIFICATE", &trusted)
            .env("OTEL_BSP_EXPORT_TIMEOUT", "1000");
        if let Some(strangers) = with {
            prove(&mut command, GENERAL, &trusted, &files, strangers);
        }
        let running = serving(&mut command).await;
        running.check(ClientRequest::plain()).await;
        eventually("both spans are lost", async || {
            let (_, text) = get(running.admin, "localhost", "/metrics").await;
            let lost = "accredit_spans_dropped_total 2";
            text.lines().any(|line| line == lost).then_some(())
        })
        .await;
        assert!(receiver.received.spans().is_empty(), "{protocol}");
    }
}

/// Without the files that the operator named, accredit cannot verify the receiver, and sends it neither spans nor headers.
#[tokio::test]
async fn unusable_trace_certificates_stop_the_export_and_not_the_service() {
    let (keys, files) = (key_server().await, Files::new());
    let authority = Authority::new();
    let (certificate, _) = authority.client();
    let (_, other_key) = authority.client();
    let good = files.put("certificate.pem", &certificate);
    let rubbish = files.put("rubbish.pem", "no PEM");
    let other_key = files.put("other_key.pem", &other_key);
    let missing = files.0.path().join("missing.pem");
    for protocol in PROTOCOLS {
        let error_of = async |variables: &[(&str, &PathBuf)]| {
            let mut command = traced(&keys, "https://127.0.0.1:1");
            command.env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
            let variables = variables.iter().copied();
            command.envs(variables.map(|(name, file)| (format!("{GENERAL}{name}"), file)));
            let running = serving(&mut command).await;
            assert_eq!(
                running.check(ClientRequest::plain()).await.reason(),
                "missing_token"
            );
            let logged = running.logged_at_start.iter();
            let mut logged = logged.map(|line| serde_json::from_str(line).expect("is JSON"));
            let warning = logged.find(|line: &Value| line["message"] == "spans are not exported");
            let warning = warning.expect("a warning");
            warning["error"].as_str().expect("an error").to_owned()
        };
        assert_eq!(
            error_of(&[("CERTIFICATE", &rubbish)]).await,
            "the file that OTEL_EXPORTER_OTLP_CERTIFICATE names has no valid PEM certificate"
        );
        assert_eq!(
            error_of(&[("CERTIFICATE", &missing)]).await,
            "the file that OTEL_EXPORTER_OTLP_CERTIFICATE names cannot be read"
        );
        assert_eq!(
            error_of(&[("CLIENT_KEY", &other_key)]).await,
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY must be set together"
        );
        for (certificate, key) in [
            (&good, &rubbish),
            (&rubbish, &other_key),
            (&good, &other_key),
        ] {
            assert_eq!(
                error_of(&[("CLIENT_CERTIFICATE", certificate), ("CLIENT_KEY", key)]).await,
                "the files that OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY name \
                 are not a PEM certificate and its PEM key"
            );
        }
    }
}
