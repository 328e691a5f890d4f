//! The module inside a real Envoy under junk, good tokens, rotations and updates of the listener, for about three minutes.
//!
//! It asserts what the soak of the service asserts, and that superseded configurations end. The report goes to
//! `target/soak/report-module.md`. `SOAK_SCALE` and `SOAK_RATE` are those of the service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::caller::Peer;
use crate::honest::HonestCaller;
use crate::key_server::RotatingKeys;
use crate::load::{Load, LoadResult};
use crate::report::Report;
use crate::rotations::Rotations;
use crate::signer::Signer;
use crate::soaked_envoy::{DRAIN, SoakedEnvoy};
use crate::wrong::WrongAnswers;
use crate::{MAX_GROWTH, number, service};

/// Distinct tokens, one of six a good one. The good ones of the first third fill the token cache of 8 MiB.
const TOKENS: f64 = 450_000.0;

const REST: Duration = Duration::from_secs(5);
const UPDATE_INTERVAL: Duration = Duration::from_secs(5);

/// How long after its drain a superseded configuration may exist.
const END_PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn soak() -> bool {
    let tokens = (TOKENS * number("SOAK_SCALE", 1.0)) as u64;
    let rate = number("SOAK_RATE", 3_000.0);
    let begun = Instant::now();
    let keys = RotatingKeys::start().await;
    let signer = Arc::new(Signer::new(&keys));
    let envoy = SoakedEnvoy::start(&keys.url()).await;
    let peer = Peer::Envoy(envoy.listener);
    let wrong = Arc::new(WrongAnswers::new());
    let honest = HonestCaller::start(peer, Arc::clone(&signer), Arc::clone(&wrong));
    tokio::time::sleep(REST).await;
    let at_rest = honest.take();
    wrong.load_begins();
    let (signing, wrongs) = (Arc::clone(&signer), Arc::clone(&wrong));
    let load = Load::start(peer, signing, wrongs, tokens, rate);
    let (mut after_warm_up, mut most, mut most_configurations) = (None, 0, 0);
    let (mut updates, mut rotations) = (0, Rotations::begin());
    let mut next_update = Instant::now() + UPDATE_INTERVAL;
    while !load.is_done() {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let memory = envoy.memory_mib();
        most = most.max(memory);
        most_configurations = most_configurations.max(envoy.configurations().await);
        if after_warm_up.is_none() && load.done() >= tokens / 3 {
            after_warm_up = Some(memory);
            honest.take();
        }
        if Instant::now() >= next_update {
            next_update = Instant::now() + UPDATE_INTERVAL;
            updates += 1;
            wrong.reload_begins();
            envoy.update(updates);
        }
        rotations.rotate_if_due(peer, &signer, &keys, &wrong).await;
    }
    let at_end = envoy.memory_mib();
    let under_load = honest.take();
    let LoadResult {
        good,
        junk_admitted,
        lost,
    } = load.result();
    honest.stop().await;
    let left = configurations_after_drain(&envoy).await;
    let applied = envoy.updates().await;
    let metrics = envoy.metrics().await;
    let faults = service::refused_without_rule(&metrics).remove("internal_error");
    let stopped = envoy.stop().await;

    let mut report = Report::default();
    report.fact("duration", format!("{} s", begun.elapsed().as_secs()));
    report.fact("distinct junk tokens", tokens - good);
    report.fact("distinct good tokens", good);
    report.fact("requests per second of the load", rate);
    report.latencies("honest requests at rest", &at_rest);
    report.latencies("honest requests under load", &under_load);
    report.fact("most configurations at the same time", most_configurations);
    report.fact("most memory of Envoy", format!("{most} MiB"));
    report.require("no junk is admitted", junk_admitted == 0, junk_admitted);
    wrong.report(&mut report);
    report.require("every request is answered", lost == 0, lost);
    rotations.report(&mut report);
    let faults = faults.unwrap_or_default();
    report.require(
        "no request is refused with `internal_error`",
        faults == 0,
        faults,
    );
    report.require(
        "every update of the listener is applied",
        applied > updates,
        format!("{applied}, the first listener included, of {updates}"),
    );
    report.require("superseded configurations end", left == 1, left);
    let after_warm_up: u64 = after_warm_up.unwrap_or_default();
    let growth = at_end as f64 / after_warm_up as f64;
    report.require(
        "memory does not grow by more than a quarter after the warm-up",
        growth <= MAX_GROWTH,
        format!("{growth:.2}: from {after_warm_up} MiB to {at_end} MiB"),
    );
    report.require(
        "SIGTERM ends Envoy with status 0",
        stopped == Some(0),
        format!("{stopped:?}"),
    );
    report.finish("report-module.md")
}

/// How many configurations are left when the drain of all but the last one is over.
async fn configurations_after_drain(envoy: &SoakedEnvoy) -> usize {
    let begun = Instant::now();
    loop {
        let left = envoy.configurations().await;
        if left == 1 || begun.elapsed() > DRAIN + END_PATIENCE {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
