//! TLS as the command line has it: what cannot be served with is a bad configuration; the admin port's own TLS.

use super::support::certificates::Certified;
use super::support::process::{Running, accredit, ended};

const ISSUER: &str = "issuers:\n  - issuer: https://a.test\n    audiences: [a]\n    jwks: { inline: '{\"keys\":[]}' }\n";

#[tokio::test]
async fn unusable_tls_files_are_configuration_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    Certified::self_signed("localhost").write(folder.path(), "tls");
    Certified::self_signed("localhost").write(folder.path(), "other");
    for (port, certificate, private_key, said) in [
        ("tls", "none.crt", "tls.key", "none.crt: No such file"),
        ("admin_tls", "tls.crt", "none.key", "none.key: No such file"),
        ("tls", "tls.key", "tls.key", "holds no certificate"),
        (
            "admin_tls",
            "tls.crt",
            "other.key",
            "does not belong to the certificate",
        ),
    ] {
        let yaml = format!(
            "{ISSUER}listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n{port}:\n  certificate: {}\n  private_key: {}\n",
            path(certificate),
            path(private_key),
        );
        let config = path("accredit.yaml");
        std::fs::write(&config, yaml).unwrap();
        let ended = ended(&mut accredit(&["serve", "--config", &config])).await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        // Apart from a warning about the empty key set.
        let lines = ended.stderr.lines().filter(|line| !line.starts_with('{'));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), 1, "{}", ended.stderr);
        assert!(lines[0].contains(said), "{}", lines[0]);
        assert!(
            lines[0].starts_with(&format!("accredit: {port}: ")),
            "{}",
            lines[0]
        );
    }
}

#[tokio::test]
async fn the_admin_port_serves_http_clients_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    Certified::self_signed("localhost").write(folder.path(), "tls");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let yaml = format!(
        "{ISSUER}listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nadmin_tls:\n  certificate: {}\n  private_key: {}\n",
        path("tls.crt"),
        path("tls.key"),
    );
    let config = path("accredit.yaml");
    std::fs::write(&config, yaml).unwrap();
    let running = Running::start(&mut accredit(&["serve", "--config", &config])).await;
    let root = std::fs::read(path("tls.crt")).unwrap();
    let root = reqwest::Certificate::from_pem(&root).unwrap();
    let url = format!("https://localhost:{}/livez", running.admin.port());
    for http1 in [true, false] {
        let client = reqwest::Client::builder()
            .tls_certs_only([root.clone()])
            .no_proxy();
        let client = if http1 { client.http1_only() } else { client };
        let answer = client.build().unwrap().get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let expected = if http1 {
            http::Version::HTTP_11
        } else {
            http::Version::HTTP_2
        };
        assert_eq!(answer.version(), expected);
    }
    // Without TLS nothing is said.
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{}/livez", running.admin.port());
    assert!(plain.get(url).send().await.is_err());
}
