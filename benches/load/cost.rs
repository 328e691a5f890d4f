//! The CPU time of a service per check, in microseconds, without the cost of its connection.

use std::time::Duration;

use bytes::Bytes;

use crate::checks::CheckConnection;
use crate::process::Process;

pub(crate) const ROUNDS: usize = 21;
pub(crate) const CHECKS: usize = 10_000;

/// The checks of an open loop, and the time from one to the next: 2,000 a second for two seconds.
const PACED_CHECKS: usize = 4_000;
const INTERVAL: Duration = Duration::from_micros(500);

/// `known` is a check whose answer costs the service nothing new.
pub(crate) fn cpu_per_check(
    process: &Process,
    known: &Bytes,
    messages: &[Bytes],
    checks: usize,
) -> f64 {
    let mut connection = open(process, known);
    let before = process.cpu();
    connection.closed_loop(messages, checks);
    micros(process.cpu() - before) / checks as f64
}

pub(crate) fn cpu_paced(process: &Process, messages: &[Bytes]) -> f64 {
    let mut connection = open(process, &messages[0]);
    let before = process.cpu();
    connection.open_loop(messages, PACED_CHECKS, INTERVAL);
    micros(process.cpu() - before) / PACED_CHECKS as f64
}

/// A connection that has answered one check. By then, the service has accepted it, has agreed on its settings and has ended the
/// connection before it: work that a check on a connection of Envoy does not cost.
fn open(process: &Process, known: &Bytes) -> CheckConnection {
    let mut connection = CheckConnection::connect(process.address);
    connection.closed_loop(std::slice::from_ref(known), 1);
    connection
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
