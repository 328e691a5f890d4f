//! Checks and log lines while standard error is not read, and the last lines at the end of the process.

use super::support::check_request::ClientRequest;
use super::support::connection::Envoy;
use super::support::eventually::{eventually, within};
use super::support::http_get::get;
use super::support::process::{Running, accredit, ended};

/// More than a pipe and the queue before it hold: at this level the libraries say kilobytes of each check.
const LEVEL: &str = "trace";

async fn serving(level: &str) -> Running {
    let mut command = accredit(&[
        "serve",
        "--issuer",
        "http://127.0.0.1:1",
        "--audience",
        "api.test",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    Running::start(command.env("ACCREDIT_LOG", level)).await
}

async fn dropped(running: &Running) -> u64 {
    let (status, text) = get(running.admin, "localhost", "/metrics").await;
    assert_eq!(status, 200);
    let mut lines = text.lines();
    let count = lines.find_map(|line| line.strip_prefix("accredit_log_lines_dropped_total "));
    count.expect("is there").parse().expect("is a number")
}

/// Asks, and reads nothing, until lines are lost.
async fn overflow(running: &Running) {
    let envoy = Envoy::at(running.checks).await;
    let lost = async {
        while dropped(running).await == 0 {
            for _ in 0..50 {
                let answer = envoy.check(ClientRequest::plain()).await;
                assert_eq!(answer.reason(), "missing_token");
            }
        }
    };
    within("lines are lost, and each check is answered", lost).await;
    for _ in 0..50 {
        let answer = within("an answer", envoy.check(ClientRequest::plain())).await;
        assert_eq!(answer.reason(), "missing_token");
    }
}

#[tokio::test]
async fn an_unread_log_blocks_no_check_and_a_later_line_counts_the_lost_lines() {
    let mut running = serving(LEVEL).await;
    overflow(&running).await;
    let line = running.wait_for_line("log lines were dropped").await;
    assert_eq!(line["level"], "WARN", "{line}");
    let outcome = line["left_out"].as_u64().expect("is a number");
    let counted = dropped(&running).await;
    assert!(0 < outcome && outcome <= counted, "{outcome} of {counted}");

    running.signal("TERM").await;
    let lines = running.lines_to_the_end().await;
    assert!(
        lines.iter().any(|line| line.contains("\"draining")),
        "the last lines are there"
    );
    assert_eq!(running.exit_code().await, Some(0));
}

#[tokio::test]
async fn an_unread_log_does_not_delay_the_exit() {
    let mut running = serving(LEVEL).await;
    overflow(&running).await;
    running.signal("TERM").await;
    assert_eq!(running.exit_code().await, Some(0));
}

#[tokio::test]
async fn the_error_of_a_failed_command_follows_its_log_lines() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("is bound").to_string();
    let mut command = accredit(&[
        "serve",
        "--issuer",
        "https://issuer.test",
        "--audience",
        "any",
        "--listen",
        &address,
    ]);
    let ended = ended(&mut command).await;
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(ended.code, Some(1), "{lines:?}");
    assert!(lines[0].contains("\"WARN\""), "{lines:?}");
    assert!(
        lines
            .last()
            .expect("has a reason")
            .starts_with("accredit: "),
        "{lines:?}"
    );
}

/// A configuration of many problems: their lines are more than a pipe holds.
fn many_problems() -> String {
    let key = |number| format!("unknown_key_{number}_{}: 1\n", "x".repeat(200));
    (0..500).map(key).collect()
}

#[tokio::test]
async fn an_invalid_configuration_is_reported_without_waiting_for_the_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    let valid = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nissuers:\n  - issuer: https://a.test\n    audiences: [a]\n    jwks: { inline: '{\"keys\":[]}' }\n";
    std::fs::write(&file, valid).expect("is written");
    let path = file.to_str().expect("is text");
    let mut command = accredit(&["serve", "--config", path]);
    let mut running = Running::start(command.env("ACCREDIT_LOG", LEVEL)).await;
    overflow(&running).await;
    for reload in 1..=2 {
        let text = format!("{valid}{}unknown_{reload}: 1\n", many_problems());
        std::fs::write(&file, text).expect("is written");
        running.signal("HUP").await;
        eventually("the reload has failed", async || {
            let (_, text) = get(running.admin, "localhost", "/metrics").await;
            let name = "accredit_config_reloads_total{result=\"failure\"} ";
            let count = text.lines().find_map(|line| line.strip_prefix(name))?;
            (count.parse::<u64>().ok()? >= reload).then_some(())
        })
        .await;
    }
    running.signal("TERM").await;
    assert_eq!(running.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_start_with_an_invalid_configuration_ends_although_its_output_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, many_problems()).expect("is written");
    let mut command = accredit(&["serve", "--config", file.to_str().expect("is text")]);
    let child = command.stderr(std::process::Stdio::piped()).spawn();
    let mut child = child.expect("can be run");
    let ended = within("it ends", child.wait())
        .await
        .expect("can be awaited");
    assert_eq!(ended.code(), Some(2));
}

#[tokio::test]
async fn a_start_with_an_invalid_configuration_lists_every_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, many_problems()).expect("is written");
    let path = file.to_str().expect("is text");
    let ended = ended(&mut accredit(&["serve", "--config", path])).await;
    assert_eq!(ended.code, Some(2));
    for number in 0..500 {
        let key = format!("unknown_key_{number}_");
        assert!(ended.stderr.contains(&key), "{key}");
    }
}
