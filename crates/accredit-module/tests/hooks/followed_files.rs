//! Rules of other files, and configurations that follow their files.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit_test_support::issuer::{Answer, KeyServer, Reply};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::token::Token;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::fake_envoy::FakeEnvoy;
use crate::module_log::logged;

const CONTINUE: u32 = 0;
const STOP: u32 = 1;

const ISSUER: &str = "https://files.test";

fn configuration(lines: &str) -> String {
    let keys = set([rsa(0).jwk("k")]);
    format!(
        "{lines}issuers:\n  - issuer: {ISSUER}\n    audiences: [api.test]\n    jwks: {{ inline: '{keys}' }}\n"
    )
}

fn status(envoy: &FakeEnvoy, path: &str) -> u32 {
    let stream = envoy.stream_with(&[], |stream| {
        let own = stream.headers.iter_mut().find(|(name, _)| name == ":path");
        own.unwrap().1 = path.as_bytes().to_vec();
    });
    let status = stream.request_headers();
    stream.end();
    status
}

/// Repeats a question until the answer is yes.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn rules_of_other_files_decide_and_are_read_again() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("team.yaml");
    fs::write(&file, "- { name: open, access: anonymous }\n").unwrap();
    let entry = format!(
        "{{ files: '{}/*.yaml', paths: [/team/**] }}",
        folder.path().display()
    );
    let text = configuration(&format!("rules_from: [{entry}]\n"));
    let own_file = folder.path().join("accredit.conf");
    fs::write(&own_file, &text).unwrap();
    let by_text = FakeEnvoy::start(&text).unwrap();
    let by_file = FakeEnvoy::start(&format!("config: {}", own_file.display())).unwrap();
    for envoy in [&by_text, &by_file] {
        assert_eq!(status(envoy, "/team/a"), CONTINUE);
        assert_eq!(status(envoy, "/other"), STOP);
    }
    let broken = "- { name: open, acces: anonymous }\n";
    fs::write(&file, broken).unwrap();
    let rejected = "rules file is invalid and does not take effect";
    wait_until("both say that the file is invalid", || {
        logged(rejected) >= 2
    });
    for envoy in [&by_text, &by_file] {
        assert_eq!(status(envoy, "/team/a"), CONTINUE);
    }
    fs::write(&file, "- { name: closed, access: deny }\n").unwrap();
    for envoy in [&by_text, &by_file] {
        wait_until("the new rules decide", || status(envoy, "/team/a") == STOP);
    }
    // A new file of a pattern counts too.
    let more = "- { name: public, match: { paths: [/team/public] }, access: anonymous }\n";
    fs::write(folder.path().join("a.yaml"), more).unwrap();
    for envoy in [&by_text, &by_file] {
        wait_until("the new file decides", || {
            status(envoy, "/team/public") == CONTINUE
        });
        assert_eq!(status(envoy, "/team/a"), STOP);
    }
}

#[test]
fn a_relative_path_of_rules_files_is_an_error() {
    let entry = "rules_from: [{ files: relative/teams.yaml, paths: [/a/**] }]\n";
    assert!(FakeEnvoy::start(&configuration(entry)).is_none());
    assert_eq!(
        logged("a relative path would begin at the working folder of Envoy"),
        1
    );
}

/// The keys of an issuer that hangs could otherwise delay each later configuration by the `timeout` of their fetch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_configuration_does_not_wait_for_an_earlier_one_whose_issuer_hangs() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("accredit.yaml");
    let open = "rules: [{ name: open, access: anonymous }]\n";
    fs::write(&file, configuration("")).unwrap();
    let envoy = FakeEnvoy::start(&format!("config: {}", file.display())).unwrap();
    assert_eq!(status(&envoy, "/a"), STOP);
    let answer = Answer::of(200, set([rsa(0).jwk("k")]));
    let never = Reply::When(Arc::new(Semaphore::new(0)), answer);
    let hanging = KeyServer::with_keys(never).await;
    let (issuer, uri) = (hanging.url(""), hanging.url("/keys"));
    let added = format!(
        "  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}', timeout: 60s }}\n"
    );
    fs::write(&file, format!("{}{added}", configuration(""))).unwrap();
    hanging.wait_for_requests("/keys", 1).await;
    fs::write(&file, configuration(open)).unwrap();
    wait_until("the later configuration decides", || {
        status(&envoy, "/a") == CONTINUE
    });
}

#[test]
fn the_values_of_metadata_are_set_on_admissions() {
    let lines = "metadata:\n  limit: claims.limit\n  tiers: claims.tiers\n  quota: claims.quota\n  paid: claims.paid\n  absent: claims.absent\n";
    let envoy = FakeEnvoy::start(&configuration(lines)).unwrap();
    let token = Token::of(ISSUER)
        .claim("limit", 7)
        .claim("tiers", serde_json::json!(["a", "b"]))
        .claim("quota", serde_json::json!({ "day": 10 }))
        .claim("paid", true)
        .signed(rsa(0));
    let stream = envoy.stream(&[("authorization", &format!("Bearer {token}"))]);
    assert_eq!(stream.request_headers(), CONTINUE);
    let metadata = stream.end().metadata;
    let value = |name: &str| {
        let found = metadata.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(value("limit"), Some("7"));
    assert_eq!(value("tiers"), Some("a b"));
    assert_eq!(value("quota.day"), Some("10"));
    assert_eq!(value("paid"), Some("true"));
    assert_eq!(value("absent"), None);
}
