//! `accredit keys`, and how the commands find and name the service that they ask.

use std::process::Stdio;

use super::common::{configuration, run};
use crate::support::certificates::Authority;
use crate::support::eventually::eventually;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::service::Service;

#[tokio::test]
async fn keys_are_listed_and_fetched_over_a_unix_socket() {
    let keys = KeyServer::start().await;
    keys.serve(
        "/keys",
        Reply::Answer(Answer::of(200, set([rsa(0).jwk("k")]))),
    );
    let folder = tempfile::tempdir().unwrap();
    let (file, socket) = (
        folder.path().join("accredit.yaml"),
        folder.path().join("admin.sock"),
    );
    let admin = format!("unix:{}", socket.display());
    let yaml = format!(
        "listen: 127.0.0.1:0\nadmin_listen: {admin}\nissuers:\n  - issuer: https://one.test\n    audiences: [a]\n    \
         jwks: {{ uri: '{}' }}\n",
        keys.url("/keys")
    );
    std::fs::write(&file, yaml).unwrap();
    let mut serve = accredit(&["serve", "--config", file.to_str().unwrap()]);
    let _serving = serve.stderr(Stdio::null()).spawn().unwrap();
    let listed = eventually("the key is listed", async || {
        let listed = run(&["keys", "--admin", &admin]).await;
        listed.stdout.contains("usable").then_some(listed.stdout)
    })
    .await;
    let lines: Vec<Vec<_>> = listed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        [
            "ISSUER",
            "KID",
            "TYPE",
            "ALGORITHMS",
            "AGE",
            "REFRESH",
            "STATE"
        ]
    );
    assert_eq!(lines[1][..4], ["https://one.test", "k", "RSA", "RS256"]);

    let as_json = run(&["keys", "--admin", &admin, "--json"]).await;
    let document: serde_json::Value = serde_json::from_str(&as_json.stdout).unwrap();
    let issuer = &document["issuers"][0];
    assert_eq!(issuer["issuers"], serde_json::json!(["https://one.test"]));
    assert_eq!(issuer["has_keys"], true);
    assert_eq!(issuer["last_error"], serde_json::Value::Null);
    assert!(issuer["age_seconds"].as_f64().is_some(), "{document}");
    let key = &issuer["keys"][0];
    assert_eq!((&key["kid"], &key["kty"]), (&"k".into(), &"RSA".into()));

    keys.serve(
        "/keys",
        Reply::Answer(Answer::of(200, set([rsa(0).jwk("new")]))),
    );
    let refreshed = run(&["keys", "--admin", &admin, "--refresh"]).await;
    assert_eq!(refreshed.code, Some(0), "{}", refreshed.stderr);
    assert!(refreshed.stdout.contains("new"), "{}", refreshed.stdout);

    keys.serve("/keys", Reply::Answer(Answer::of(500, "")));
    let failed = run(&["keys", "--admin", &admin, "--refresh"]).await;
    assert_eq!(failed.stderr.lines().count(), 1, "{}", failed.stderr);
    assert!(
        failed
            .stderr
            .starts_with("accredit: key refresh failed for http"),
        "{}",
        failed.stderr
    );
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.stdout.contains("new")
            && failed
                .stdout
                .contains("https://one.test: latest fetch from "),
        "{}",
        failed.stdout
    );
}

#[tokio::test]
async fn each_failure_to_reach_the_admin_api_has_its_own_message() {
    let service = Service::ready(&configuration()).await;
    let (admin, checks) = (service.admin.to_string(), service.checks_tcp().to_string());
    let named = format!("accredit.test:{}", service.admin.port());
    for (arguments, code, expected) in [
        (
            vec!["--admin", "127.0.0.1:1"],
            1,
            "no admin API answers at 127.0.0.1:1 (Connection refused",
        ),
        (
            vec!["--admin", "nowhere"],
            2,
            "use host:port, https://host:port or unix:/path",
        ),
        (vec!["--admin", &checks], 1, "has no admin API"),
        (
            vec!["--admin", &admin, "--admin-ca", "/dev/null"],
            2,
            "https://",
        ),
        (
            vec![
                "--admin",
                &format!("https://{admin}"),
                "--admin-ca",
                "/nonexistent",
            ],
            2,
            "cannot read /nonexistent",
        ),
        (
            vec!["--admin", &format!("https://{admin}")],
            1,
            "no admin API answers",
        ),
        (vec!["--admin", &named], 1, "no admin API answers"),
    ] {
        for command in ["keys", "tail"] {
            let ended = run(&[&[command], arguments.as_slice()].concat()).await;
            assert_eq!(
                ended.code,
                Some(code),
                "{command} {arguments:?}: {}",
                ended.stderr
            );
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
            assert!(
                ended.stderr.contains(expected),
                "{arguments:?}: {}",
                ended.stderr
            );
        }
    }
}

#[tokio::test]
async fn commands_reach_an_admin_port_with_mutual_tls_by_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let authority = Authority::new();
    std::fs::write(path("ca.crt"), authority.pem()).unwrap();
    for (name, host) in [("server", "localhost"), ("client", "operator.test")] {
        authority.certify(host).write(folder.path(), name);
    }
    let config = path("accredit.yaml");
    let yaml = format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nadmin_tls: {{ certificate: {}, private_key: {}, client_ca: {} }}\n{}",
        path("server.crt"),
        path("server.key"),
        path("ca.crt"),
        configuration()
    );
    std::fs::write(&config, yaml).unwrap();
    let running = Running::start(&mut accredit(&["serve", "--config", &config])).await;
    let admin = format!("https://localhost:{}", running.admin.port());
    let (ca, certificate, key) = (path("ca.crt"), path("client.crt"), path("client.key"));
    let with_ca = ["keys", "--admin", &admin, "--admin-ca", &ca];
    let listed = run(&[
        &with_ca[..],
        &["--admin-certificate", &certificate, "--admin-key", &key],
    ]
    .concat())
    .await;
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.contains("usable"), "{}", listed.stdout);
    // Neither without ours, nor of a service that we do not know.
    for arguments in [&with_ca[..], &["keys", "--admin", &admin]] {
        let ended = run(arguments).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("no admin API answers"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn commands_stop_waiting_for_a_peer_that_never_starts_its_handshake() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("https://{}", silent.local_addr().expect("is bound"));
    for command in [&["keys"][..], &["tail"], &["explain"]] {
        let arguments = [command, &["--admin", &address]].concat();
        let ended = run(&arguments).await;
        assert_eq!(ended.code, Some(1), "{command:?}");
        assert!(ended.stderr.contains("no admin API answers"), "{ended:?}");
    }
}

#[tokio::test]
async fn commands_print_the_error_message_of_the_service() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin.to_string();
    let ended = run(&["tail", "--admin", &admin, "--reason", "421"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("unknown reason"), "{ended:?}");
}

#[tokio::test]
async fn an_error_message_is_one_line_without_control_characters() {
    let ended = run(&["check", "--config", "/no/\u{1b}[2J\nsuch\u{202e}"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].contains(['\u{1b}', '\u{202e}']), "{lines:?}");
}
