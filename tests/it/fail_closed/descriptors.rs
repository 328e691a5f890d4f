//! A process that may open few files (CONTRACT 7.3.4).

use tokio::process::Command;

use crate::support::http_get;
use crate::support::http2::FrameConnection;
use crate::support::process::{Running, binary};

use super::common::{configuration_file, good};

/// The process, with all three ports, after this command of the shell.
async fn process_after(limit: &str, folder: &tempfile::TempDir) -> Running {
    let file = configuration_file(folder, "");
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{limit} && exec \"$@\""), "sh"])
        .arg(binary())
        .args(["serve", "--config", file.to_str().unwrap()])
        .kill_on_drop(true);
    Running::start(&mut command).await
}

#[tokio::test]
async fn connections_of_one_port_leave_the_others_their_file_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = process_after("ulimit -n 256", &folder).await;
    running.wait_for_line("\"ready\"").await;
    running.hear();
    let (admin, probes) = (running.admin, running.probes.unwrap());
    let mut connections = Vec::new();
    for address in [running.checks, admin, probes] {
        for _ in 0..300 {
            connections.push(FrameConnection::open(address).await);
        }
        for port in [admin, probes] {
            let (status, _) = http_get::get(port, "localhost", "/livez").await;
            assert_eq!(status, 200, "{address} is full");
        }
        assert!(
            running.check(good()).await.is_admission(),
            "{address} is full"
        );
    }
}

#[tokio::test]
async fn the_limit_of_file_descriptors_is_raised_as_far_as_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let running = process_after("ulimit -Sn 200 && ulimit -Hn 900", &folder).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let values: Vec<_> = line.unwrap().split_whitespace().skip(3).take(2).collect();
    assert_eq!(values, ["900", "900"]);
}
