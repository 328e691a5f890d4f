//! `make soak`: a real service under load, rotations, reloads and peers that misbehave, for some minutes.
//!
//! It asserts that memory stays flat, that honest checks stay correct and nearly as fast as at rest, and that no junk is
//! admitted. The report goes to `target/soak/report.md`. Environment:
//!
//! - `SOAK_SCALE`: a factor for the numbers of tokens, 1 by default. Growth of memory is not measured below 0.2.
//! - `SOAK_RATE`: checks per second of the load, 3,000 by default.
//! - `SOAK_BINARY`: the binary to test; by default the one of this build.
//!
//! `make soak FORM=module` does the same, for a shorter time, with the module inside Envoy, whose listener is updated (`inside.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test program: it stamps tokens, owns its tasks until it exits, and prints"
)]

mod caller;
mod handshakes;
mod honest;
mod inside;
mod key_server;
mod load;
mod report;
mod rotations;
mod service;
mod signer;
mod soaked_envoy;
mod strangers;
mod wrong;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::caller::Peer;
use crate::honest::HonestCaller;
use crate::key_server::RotatingKeys;
use crate::load::{Load, LoadResult};
use crate::report::Report;
use crate::rotations::Rotations;
use crate::service::SoakedService;
use crate::signer::Signer;
use crate::strangers::Strangers;
use crate::wrong::WrongAnswers;

/// Distinct tokens: 1,000,000 of junk and 200,000 good ones.
const TOKENS: f64 = 1_200_000.0;
const IDLE_CONNECTIONS: usize = 1_000;
const SLOW_READERS: usize = 16;

/// Tokens after which memory must be flat: the good ones among them fill the token cache.
const WARM_UP: u64 = 200_000;

/// Memory may grow by so much after the warm-up, and to so much in all: the limit of the shipped manifests.
const MAX_GROWTH: f64 = 1.25;
const MAX_MEMORY_MIB: u64 = 256;

/// The median latency of honest checks under load, compared with that at rest.
const MAX_SLOWDOWN: f64 = 2.0;

const REST: Duration = Duration::from_secs(20);
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

fn number(name: &str, default: f64) -> f64 {
    let text = std::env::var(name).unwrap_or_default();
    text.parse().unwrap_or(default)
}

fn main() {
    // `cargo test --benches` starts it with this argument, and expects a quick end.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let passed = match std::env::var("SOAK_FORM").as_deref() {
        Ok("module") => runtime.block_on(inside::soak()),
        _ => runtime.block_on(soak()),
    };
    std::process::exit(i32::from(!passed));
}

async fn soak() -> bool {
    let scale = number("SOAK_SCALE", 1.0);
    let tokens = (TOKENS * scale) as u64;
    let rate = number("SOAK_RATE", 3_000.0);
    let begun = Instant::now();
    let mut report = Report::default();

    let keys = RotatingKeys::start().await;
    let signer = Arc::new(Signer::new(&keys));
    let service = SoakedService::start(&keys.url()).await;
    let peer = Peer::Service(service.checks);
    let wrong = Arc::new(WrongAnswers::new());
    let honest = HonestCaller::start(peer, Arc::clone(&signer), Arc::clone(&wrong));
    tokio::time::sleep(REST).await;
    let at_rest = honest.take();

    let strangers = Strangers::start(service.checks, IDLE_CONNECTIONS, SLOW_READERS).await;
    wrong.load_begins();
    let (signing, wrongs) = (Arc::clone(&signer), Arc::clone(&wrong));
    let load = Load::start(peer, signing, wrongs, tokens, rate);
    let (mut after_warm_up, mut most) = (None, 0);
    let (mut reloads, mut rotations) = (0, Rotations::begin());
    let mut next_reload = Instant::now() + RELOAD_INTERVAL;
    while !load.is_done() {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let memory = service.memory_mib();
        most = most.max(memory);
        if after_warm_up.is_none() && load.done() >= WARM_UP {
            after_warm_up = Some(memory);
            honest.take();
        }
        if Instant::now() >= next_reload {
            next_reload = Instant::now() + RELOAD_INTERVAL;
            reloads += 1;
            wrong.reload_begins();
            service.reload(reloads);
        }
        rotations.rotate_if_due(peer, &signer, &keys, &wrong).await;
    }
    let at_end = service.memory_mib();
    let under_load = honest.take();
    let LoadResult {
        good,
        junk_admitted,
        lost,
    } = load.result();
    honest.stop().await;
    let metrics = service.metrics().await;
    let counted = service::successful_reloads(&metrics);
    let still_idle = strangers.idle_count();
    let slow_closed = strangers.closed_slow_readers();
    let without_message = strangers.calls_without_message();
    let stopped = service.stop().await;

    report.fact("duration", format!("{} s", begun.elapsed().as_secs()));
    report.fact("distinct junk tokens", tokens - good);
    report.fact("distinct good tokens", good);
    report.fact("checks per second of the load", rate);
    report.latencies("honest checks at rest", &at_rest);
    report.latencies("honest checks under load", &under_load);
    report.fact("memory at the end", format!("{at_end} MiB"));
    report.fact("most memory", format!("{most} MiB"));
    report.fact("slow readers that were closed", slow_closed);
    let refused = service::refused_without_rule(&metrics);
    for (reason, number) in &refused {
        report.fact(&format!("checks refused with `{reason}`"), number);
    }
    let internal = refused.get("internal_error").copied().unwrap_or_default();
    report.require(
        "only the slow readers' calls, which have no message, are refused with `internal_error`",
        internal <= without_message,
        format!("{internal} of {without_message}"),
    );
    let load_average = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    report.fact("load average of the machine", load_average.trim());

    let slowdown = under_load.median().as_secs_f64() / at_rest.median().as_secs_f64();
    report.require("no junk is admitted", junk_admitted == 0, junk_admitted);
    wrong.report(&mut report);
    report.require("every check is answered", lost == 0, lost);
    rotations.report(&mut report);
    if let Some(after_warm_up) = after_warm_up {
        let growth = at_end as f64 / after_warm_up as f64;
        report.fact("memory after the warm-up", format!("{after_warm_up} MiB"));
        report.require(
            "memory does not grow by more than a quarter after the warm-up",
            growth <= MAX_GROWTH,
            format!("{growth:.2}"),
        );
    } else {
        report.fact(
            "growth of memory",
            "not measured: the token cache is not full",
        );
    }
    report.require(
        "memory stays below 256 MiB",
        most <= MAX_MEMORY_MIB,
        format!("{most} MiB"),
    );
    report.require(
        "the median latency of honest checks is at most twice that at rest",
        slowdown <= MAX_SLOWDOWN,
        format!("{slowdown:.2}"),
    );
    report.require(
        "idle connections stay open",
        still_idle == IDLE_CONNECTIONS,
        still_idle,
    );
    report.require(
        "every reload is applied",
        counted >= reloads,
        format!("{counted} of {reloads}"),
    );
    report.require(
        "SIGTERM ends it with status 0",
        stopped == Some(0),
        format!("{stopped:?}"),
    );

    // A second service, with mutual TLS.
    let (rest, flood) = handshakes::measure().await;
    report.latencies("honest checks over mutual TLS at rest", &rest);
    report.latencies("the same with 500 handshakes per second", &flood);
    let ratio = flood.median().as_secs_f64() / rest.median().as_secs_f64();
    report.fact("ratio of these medians", format!("{ratio:.2}"));
    report.finish("report.md")
}
