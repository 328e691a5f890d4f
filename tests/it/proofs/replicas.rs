//! Replicas that share the memory of used proofs.

use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::keys::p256;
use crate::support::service::Service;

use super::place::{configuration, good_proof};

/// The configuration of a replica that shares the memory at this URL.
pub(super) fn shared(url: &str, more: &str) -> String {
    configuration("", &format!("replay: {{ redis: \"{url}\" }}\n{more}"))
}

/// A replica that is connected to the memory.
pub(super) async fn replica(url: &str, more: &str) -> Service {
    let service = Service::ready(&shared(url, more)).await;
    until_connected(&service, true).await;
    service
}

pub(super) async fn until_connected(service: &Service, connected: bool) {
    let wanted = format!(
        "\naccredit_replay_store_connected {}.0\n",
        u8::from(connected)
    );
    eventually(&wanted, async || {
        let (_, text) = get(service.admin, "localhost", "/metrics").await;
        text.contains(&wanted).then_some(())
    })
    .await;
}

pub(super) async fn count(service: &Service, result: &str) -> u64 {
    let (_, text) = get(service.admin, "localhost", "/metrics").await;
    let start = format!("accredit_replay_store_requests_total{{result=\"{result}\"}} ");
    let mut lines = text.lines();
    let count = lines.find_map(|line| line.strip_prefix(&start));
    count.expect("is counted").parse().expect("is a number")
}

pub(super) fn new_proof(token: &str) -> String {
    good_proof(token).signed(p256(0))
}
