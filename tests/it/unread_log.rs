//! Checks and log lines while standard error is not read, and the last lines at the end of the process.

use super::support::check_request::Ask;
use super::support::eventually::within;
use super::support::http_get::get;
use super::support::process::{Running, accredit, ended};
use super::support::service::Envoy;

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
                let answer = envoy.check(Ask::plain()).await;
                assert_eq!(answer.reason(), "missing_token");
            }
        }
    };
    within("lines are lost, and each check is answered", lost).await;
    for _ in 0..50 {
        let answer = within("an answer", envoy.check(Ask::plain())).await;
        assert_eq!(answer.reason(), "missing_token");
    }
}

#[tokio::test]
async fn an_unread_log_blocks_no_check_and_a_later_line_counts_the_lost_lines() {
    let mut running = serving(LEVEL).await;
    overflow(&running).await;
    let line = running.says("log lines were dropped").await;
    assert_eq!(line["level"], "WARN", "{line}");
    let told = line["left_out"].as_u64().expect("is a number");
    let counted = dropped(&running).await;
    assert!(0 < told && told <= counted, "{told} of {counted}");

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
        lines.last().expect("says why").starts_with("accredit: "),
        "{lines:?}"
    );
}
