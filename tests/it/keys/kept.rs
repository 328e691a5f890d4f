//! `state_dir`: last-known-good keys outlive the process, and only where they should.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tonic_health::pb::health_check_response::ServingStatus;

use crate::explain::explain_by;
use crate::support::check_request::ClientRequest;
use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::service::{Service, issuer_at};
use crate::support::token::Token;

use super::place::{SHORT, old_keys};

fn keeping(folder: &Path, server: &KeyServer, lines: &str) -> String {
    let folder = folder.display();
    format!("state_dir: '{folder}'\n{}", issuer_at(server, lines))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    // What is just being written has another name.
    files.retain(|file| file.extension().is_some_and(|ending| ending == "jwks"));
    files.sort();
    files
}

/// Waits until as many files are there, and all of them whole and holding that text.
async fn kept(folder: &Path, count: usize, text: &str) -> Vec<PathBuf> {
    eventually(&format!("{count} files hold {text}"), async || {
        let files = files(folder);
        let holds =
            |file: &PathBuf| std::fs::read_to_string(file).is_ok_and(|file| file.contains(text));
        (files.len() == count && files.iter().all(holds)).then_some(files)
    })
    .await
}

/// Runs a service until its keys are kept.
async fn keep(folder: &Path, server: &KeyServer, count: usize) -> Vec<PathBuf> {
    let service = Service::ready(&keeping(folder, server, "")).await;
    let files = kept(folder, count, "\"kid\"").await;
    drop(service);
    files
}

fn known(server: &KeyServer) -> ClientRequest {
    ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)))
}

#[tokio::test]
async fn saved_keys_verify_tokens_after_a_restart_while_the_issuer_is_unreachable() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("state");
    let server = KeyServer::with_keys(old_keys()).await;
    let files = keep(&folder, &server, 1).await;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&files[0])), (0o700, 0o600));

    for reply in [Reply::Hang, Answer::of(500, "no").into()] {
        server.serve("/keys", reply);
        // They count for readiness, and their age goes on.
        let service = Service::ready(&keeping(&folder, &server, "")).await;
        let envoy = service.envoy().await;
        assert!(envoy.check(known(&server)).await.is_admission());
        let result = service.issuers().await.remove(0);
        assert!(
            result.has_keys && result.age_seconds.unwrap() >= 1.0,
            "{result:?}"
        );
        let (status, body) = get(service.admin, "localhost", "/readyz").await;
        assert_eq!(status, 200, "{body}");
        // A key that is not among them can be new.
        let other = Token::of(&server.url("")).kid("z").signed(rsa(1));
        let answer = envoy
            .check_within(ClientRequest::bearer(&other), SHORT)
            .await;
        let reason = answer.reason();
        assert!(
            ["key_pending", "keys_unavailable"].contains(&reason.as_str()),
            "{reason}"
        );
    }
    // Once the issuer answers, its word counts.
    server.serve("/keys", set([rsa(1).jwk("new")]));
    let service = Service::ready(&keeping(&folder, &server, "")).await;
    let new = ClientRequest::bearer(&Token::of(&server.url("")).kid("new").signed(rsa(1)));
    assert!(service.check(new).await.is_admission());
    assert!(!service.check(known(&server)).await.is_admission());
}

/// CONTRACT 2.5.2: `explain` decides as the service would after a restart, and leaves the folder as it is.
#[tokio::test]
async fn explain_reads_saved_keys_as_the_service_does_and_writes_none() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("state");
    let server = KeyServer::with_keys(old_keys()).await;
    let files = keep(&folder, &server, 1).await;
    let saved = std::fs::read(&files[0]).unwrap();
    let config = outer.path().join("accredit.yaml");
    std::fs::write(&config, keeping(&folder, &server, "")).unwrap();
    let token = Token::of(&server.url("")).signed(rsa(0));
    let reason = async || {
        let arguments = ["--config", config.to_str().unwrap(), "--json"];
        let explained = explain_by(&arguments, &token).await;
        let result: serde_json::Value = serde_json::from_str(&explained.stdout).unwrap();
        result["reason"].as_str().unwrap().to_owned()
    };
    // Once the issuer answers, its word counts.
    server.serve("/keys", set([rsa(1).jwk("new")]));
    assert_eq!(reason().await, "unknown_key");
    assert_eq!(std::fs::read(&files[0]).unwrap(), saved);
    server.serve("/keys", Answer::of(500, "no"));
    assert_eq!(reason().await, "allowed");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o770)).unwrap();
    assert_eq!(
        reason().await,
        "keys_unavailable",
        "others can write the folder"
    );
}

#[tokio::test]
async fn a_withdrawn_key_does_not_return_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for (withdrawn, reason) in [
        (set([rsa(1).jwk("new")]), "key_pending"),
        // Nothing is believed, too.
        (set([]), "keys_unavailable"),
    ] {
        let server = KeyServer::with_keys(old_keys()).await;
        let service = Service::ready(&keeping(folder.path(), &server, "")).await;
        let files = kept(folder.path(), 1, "\"kid\":\"k\"").await;
        server.serve("/keys", withdrawn.clone());
        service.refresh_keys().await;
        kept(folder.path(), 1, &withdrawn).await;
        drop(service);
        server.serve("/keys", Reply::Hang);
        let service = Service::start(&keeping(folder.path(), &server, ""));
        let envoy = service.envoy().await;
        eventually("what was kept is known", async || {
            let answer = envoy.check_within(known(&server), SHORT).await;
            assert!(!answer.is_admission());
            (answer.reason() == reason).then_some(())
        })
        .await;
        std::fs::remove_file(&files[0]).unwrap();
    }
}

/// Two issuers at one server: each has its file, and neither takes the other's, whatever it is called.
#[tokio::test]
async fn saved_keys_of_another_issuer_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let server = KeyServer::with_keys(old_keys()).await;
    let entry = |issuer: &str| {
        format!(
            "  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{}' }}\n",
            server.url("/keys")
        )
    };
    let configuration = |issuers: &[&str]| {
        let entries: String = issuers.iter().map(|issuer| entry(issuer)).collect();
        format!(
            "state_dir: '{}'\nissuers:\n{entries}",
            folder.path().display()
        )
    };
    let (one, two) = ("https://one.test", "https://two.test");
    let service = Service::ready(&configuration(&[one, two])).await;
    let files = kept(folder.path(), 2, "\"kid\"").await;
    drop(service);
    server.serve("/keys", Reply::Hang);
    let reason = async |service: &Service, issuer: &str| {
        let request = ClientRequest::bearer(&Token::of(issuer).signed(rsa(0)));
        let envoy = service.envoy().await;
        envoy.check_within(request, SHORT).await.reason()
    };
    let service = Service::ready(&configuration(&[one, two])).await;
    assert_eq!(reason(&service, one).await, "allowed");
    assert_eq!(reason(&service, two).await, "allowed");
    drop(service);

    let swapped = folder.path().join("swap");
    std::fs::rename(&files[0], &swapped).unwrap();
    std::fs::rename(&files[1], &files[0]).unwrap();
    std::fs::rename(&swapped, &files[1]).unwrap();
    let service = Service::start(&configuration(&[one, two, "https://three.test"]));
    for issuer in [one, two, "https://three.test"] {
        assert_eq!(
            reason(&service, issuer).await,
            "keys_unavailable",
            "{issuer}"
        );
    }
    drop(service);
    // And a source of another address begins without keys.
    let elsewhere = configuration(&[one]).replace("/keys'", "/keys?tenant=2'");
    server.serve("/keys?tenant=2", Reply::Hang);
    let service = Service::start(&elsewhere);
    assert_eq!(reason(&service, one).await, "keys_unavailable");
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The log of the real binary that starts with that folder while the issuer is unreachable.
async fn line_with(folder: &Path, configuration: &str, text: &str) -> String {
    let file = folder.join("accredit.yaml");
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{ports}{configuration}")).unwrap();
    let file = file.display().to_string();
    let mut process = Running::start(&mut accredit(&["serve", "--config", &file])).await;
    process.wait_for_line(text).await.to_string()
}

#[tokio::test]
async fn saved_keys_that_are_not_used_are_reported_with_the_reason() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("state");
    let server = KeyServer::with_keys(old_keys()).await;
    let configuration = keeping(&folder, &server, "");
    let file = keep(&folder, &server, 1).await.remove(0);
    server.serve("/keys", Reply::Hang);
    let whole = std::fs::read(&file).unwrap();
    let unused = "saved keys are not used";

    let served = line_with(outer.path(), &configuration, "saved keys restored").await;
    assert!(served.contains("\"keys\":1"), "{served}");

    std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    let result = line_with(outer.path(), &configuration, unused).await;
    assert!(
        result.contains("damaged") && result.contains("WARN"),
        "{result}"
    );

    std::fs::write(&file, &whole).unwrap();
    let short = configuration.replace("/keys' }", "/keys', refresh: 1s, max_stale: 1s }");
    let result = line_with(outer.path(), &short, unused).await;
    assert!(result.contains("max_stale is less"), "{result}");

    // CONTRACT 5.5.5: what others can write could contain their keys.
    std::fs::write(&file, &whole).unwrap();
    set_mode(&file, 0o666);
    let result = line_with(outer.path(), &configuration, unused).await;
    assert!(result.contains("written by group or others"), "{result}");
    set_mode(&file, 0o600);
    set_mode(&folder, 0o770);
    let result = line_with(outer.path(), &configuration, "state_dir is not read").await;
    assert!(result.contains("mode 770"), "{result}");
    let service = Service::start(&configuration);
    let reason = async || {
        let envoy = service.envoy().await;
        envoy.check_within(known(&server), SHORT).await.reason()
    };
    assert_eq!(reason().await, "keys_unavailable");
    drop(service);
    set_mode(&folder, 0o700);

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let result = line_with(outer.path(), &configuration, unused).await;
    assert!(result.contains("not a regular file"), "{result}");
}

#[tokio::test]
async fn a_state_dir_that_cannot_be_written_stops_no_check() {
    let outer = tempfile::tempdir().unwrap();
    let in_the_way = outer.path().join("a-file");
    std::fs::write(&in_the_way, "").unwrap();
    let server = KeyServer::with_keys(old_keys()).await;
    let configuration = keeping(&in_the_way, &server, "");
    let result = line_with(outer.path(), &configuration, "saving a key set failed").await;
    assert!(result.contains("WARN"), "{result}");

    let mut service = Service::ready(&configuration).await;
    let envoy = service.envoy().await;
    assert!(envoy.check(known(&server)).await.is_admission());
    server.serve("/keys", set([rsa(1).jwk("new")]));
    service.refresh_keys().await;
    assert!(!envoy.check(known(&server)).await.is_admission());
    let new = Token::of(&server.url("")).kid("new").signed(rsa(1));
    assert!(
        envoy
            .check(ClientRequest::bearer(&new))
            .await
            .is_admission()
    );
    drop(envoy);
    service.stop();
    service.ended().await.unwrap();
}

/// Keys of the configuration or of a key file are not saved.
#[tokio::test]
async fn only_fetched_keys_are_saved() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("state");
    let file = outer.path().join("keys.json");
    std::fs::write(&file, old_keys()).unwrap();
    let server = KeyServer::with_keys(old_keys()).await;
    let at_hand = format!(
        "  - issuer: https://file.test\n    audiences: [a]\n    jwks: {{ file: '{}' }}\n  - issuer: https://inline.test\n    audiences: [a]\n    jwks: {{ inline: '{}' }}\n",
        file.display(),
        old_keys()
    );
    let service = Service::start(&format!("{}{at_hand}", keeping(&folder, &server, "")));
    service.until(ServingStatus::Serving).await;
    let files = kept(&folder, 1, "\"kid\"").await;
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains(&server.url("/keys")), "{text}");
}
