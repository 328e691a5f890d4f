//! Key servers that require credentials, or that are reached at another address (CONTRACT 8.3).

use std::path::{Path, PathBuf};

use crate::support::certificates::Authority;
use crate::support::eventually::eventually;
use crate::support::issuer::{Answer, KeyServer};
use crate::support::keys::{rsa, set};
use crate::support::process::{accredit, ended};
use crate::support::service::Service;

use super::certificates::{configuration, error_of};
use super::place::old_keys;

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

#[tokio::test]
async fn the_token_of_a_bearer_file_is_sent_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "token", "first\n");
    let server = KeyServer::with_keys(old_keys()).await;
    let jwks = format!(
        "uri: '{}', bearer_file: '{}', refresh: 200ms",
        server.url("/keys"),
        file.display()
    );
    let _service = Service::ready(&configuration(&jwks)).await;
    let sent = |number: usize| {
        let requests = server.requests("/keys");
        requests[number].header("authorization").map(str::to_owned)
    };
    assert_eq!(sent(0).as_deref(), Some("Bearer first"));
    std::fs::write(&file, "second").unwrap();
    eventually("the second token is sent", async || {
        (sent(server.count("/keys") - 1).as_deref() == Some("Bearer second")).then_some(())
    })
    .await;
}

/// A server that metadata or a redirect names must not get the credential of another one.
#[tokio::test]
async fn the_token_of_a_bearer_file_is_sent_to_no_other_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "token", "secret");
    let (home, other) = (
        KeyServer::start().await,
        KeyServer::with_keys(old_keys()).await,
    );
    let issuer = home.url("");
    let metadata = "/.well-known/openid-configuration";
    home.serve_metadata(metadata, &issuer, &other.url("/keys"));
    let entry = |uri: &str| {
        format!(
            "issuers:\n  - issuer: '{issuer}'\n    audiences: [api.test]\n    jwks: {{ {uri}bearer_file: '{}' }}\n",
            file.display()
        )
    };
    let _discovering = Service::ready(&entry("")).await;
    assert_eq!(
        home.requests(metadata)[0].header("authorization"),
        Some("Bearer secret")
    );
    assert_eq!(other.requests("/keys")[0].header("authorization"), None);

    // The same host, and another port.
    home.serve(
        "/keys",
        Answer::of(302, "").with("location", &other.url("/keys")),
    );
    let _redirected = Service::ready(&entry(&format!("uri: '{}', ", home.url("/keys")))).await;
    assert_eq!(
        home.requests("/keys")[0].header("authorization"),
        Some("Bearer secret")
    );
    assert_eq!(other.requests("/keys")[1].header("authorization"), None);
}

#[tokio::test]
async fn a_bearer_file_that_cannot_be_read_any_more_fails_the_fetch_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "token", "secret-token");
    let server = KeyServer::with_keys(old_keys()).await;
    let jwks = format!(
        "uri: '{}', bearer_file: '{}', refresh: 200ms",
        server.url("/keys"),
        file.display()
    );
    let service = Service::ready(&configuration(&jwks)).await;
    std::fs::write(&file, "secret token").unwrap();
    let result = eventually("the fetch fails", async || {
        let result = service.issuers().await.remove(0);
        (!result.last_error.is_empty()).then_some(result.last_error)
    })
    .await;
    assert!(result.contains("is not a bearer token"), "{result}");
    assert!(!result.contains("secret"), "{result}");
    let requests = server.requests("/keys");
    assert!(
        requests
            .iter()
            .all(|seen| seen.header("authorization") == Some("Bearer secret-token"))
    );
}

#[tokio::test]
async fn a_client_certificate_is_presented_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let server = KeyServer::over_tls(servers.acceptor_of_clients("localhost", &clients)).await;
    server.serve("/keys", old_keys());
    let ca_file = written(folder.path(), "ca.pem", servers.pem());
    let write = |authority: &Authority| {
        let (certificate, key) = authority.client();
        written(folder.path(), "client.crt", &certificate);
        written(folder.path(), "client.key", &key);
    };
    let base = format!(
        "uri: 'https://localhost:{}/keys', ca_file: '{}'",
        server.port(),
        ca_file.display()
    );
    let error = error_of(&base).await;
    assert!(error.contains("CertificateRequired"), "{error}");

    write(&strangers);
    let jwks = format!(
        "{base}, client_certificate: '{folder}/client.crt', client_key: '{folder}/client.key', refresh: 200ms",
        folder = folder.path().display()
    );
    let service = Service::start(&configuration(&jwks));
    eventually("the certificate is refused", async || {
        let result = service.issuers().await.remove(0);
        result
            .last_error
            .contains("the server ended the handshake")
            .then_some(())
    })
    .await;
    write(&clients);
    eventually("the next certificate is presented", async || {
        service.issuers().await.remove(0).has_keys.then_some(())
    })
    .await;
}

#[tokio::test]
async fn connect_leads_to_another_address_and_keeps_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca_file = written(folder.path(), "ca.pem", authority.pem());
    let server = KeyServer::over_tls(authority.acceptor("keys.test")).await;
    server.serve("/keys", old_keys());
    let jwks = |uri: &str, name: &str| {
        let (port, ca_file) = (server.port(), ca_file.display());
        format!("uri: '{uri}', ca_file: '{ca_file}', connect: '{name}:{port}'")
    };
    for (uri, host) in [
        ("https://keys.test/keys", "keys.test"),
        ("https://keys.test:8443/keys", "keys.test:8443"),
    ] {
        for name in ["127.0.0.1", "localhost"] {
            let error = error_of(&jwks(uri, name)).await;
            assert_eq!(error, "", "{uri} at {name}");
            let last = server.requests("/keys").pop().unwrap();
            assert_eq!(last.header("host"), Some(host));
        }
    }
    let error = error_of(&jwks("https://other.test/keys", "127.0.0.1")).await;
    assert!(
        error.contains("is for \"keys.test\", not for other.test"),
        "{error}"
    );
}

/// Each fault is named at its key, and no service begins with it.
#[tokio::test]
async fn check_and_serve_refuse_credentials_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (certificate, key) = authority.client();
    let (_, other_key) = authority.client();
    written(folder.path(), "client.crt", &certificate);
    written(folder.path(), "client.key", &key);
    written(folder.path(), "other.key", &other_key);
    written(folder.path(), "empty", "");
    let config = folder.path().join("accredit.yaml");
    let keys = set([rsa(0).jwk("k")]);
    for (jwks, place, said, only_check) in [
        (
            "uri: https://a.test/k, bearer_file: F/absent",
            "bearer_file",
            "cannot be read",
            false,
        ),
        (
            "uri: https://a.test/k, bearer_file: F/empty",
            "bearer_file",
            "is empty",
            false,
        ),
        (
            "uri: 'http://a.test/k', allow_http: true, bearer_file: F/client.crt",
            "bearer_file",
            "plain http",
            true,
        ),
        (
            "uri: https://a.test/k, client_certificate: F/client.crt",
            "client_certificate",
            "`client_key` is missing",
            true,
        ),
        (
            "uri: https://a.test/k, client_key: F/client.key",
            "client_key",
            "`client_certificate` is missing",
            true,
        ),
        (
            "uri: https://a.test/k, client_certificate: F/empty, client_key: F/client.key",
            "client_certificate",
            "no PEM certificate",
            false,
        ),
        (
            "uri: https://a.test/k, client_certificate: F/client.crt, client_key: F/empty",
            "client_certificate",
            "no PEM private key",
            false,
        ),
        (
            "uri: https://a.test/k, client_certificate: F/client.crt, client_key: F/other.key",
            "client_certificate",
            "does not belong",
            false,
        ),
        (
            "uri: https://a.test/k, connect: keys.internal",
            "connect",
            "is not a host and a port",
            true,
        ),
        (
            "uri: 'https://10.0.0.1/k', connect: 'keys.internal:1'",
            "connect",
            "no name to keep",
            true,
        ),
        (
            "uri: 'http://localhost/k', connect: 'keys.internal:1'",
            "connect",
            "loopback",
            true,
        ),
        (
            "inline: 'KEYS', connect: 'a:1'",
            "connect",
            "are not fetched",
            true,
        ),
        (
            "file: F/keys.json, bearer_file: F/client.crt",
            "bearer_file",
            "are not fetched",
            true,
        ),
    ] {
        let jwks = jwks.replace("F/", &format!("{}/", folder.path().display()));
        let jwks = jwks.replace("KEYS", &keys);
        std::fs::write(&config, configuration(&jwks)).unwrap();
        let commands: &[&str] = if only_check {
            &["check"]
        } else {
            &["check", "serve"]
        };
        for command in commands {
            let mut command = accredit(&[command, "--config", config.to_str().unwrap()]);
            command
                .env("ACCREDIT_LISTEN", "127.0.0.1:0")
                .env("ACCREDIT_ADMIN_LISTEN", "127.0.0.1:0");
            let ended = ended(&mut command).await;
            assert_eq!(ended.code, Some(2), "{jwks}: {}", ended.stderr);
            let place = format!("issuers[0].jwks.{place}");
            let mut lines = ended.stderr.lines();
            let is_said = lines.any(|line| line.contains(&place) && line.contains(said));
            assert!(is_said, "{jwks}: {said}: {}", ended.stderr);
        }
    }
}
