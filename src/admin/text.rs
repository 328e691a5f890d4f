//! Decisions, times and durations as the commands and the console show them.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json as object};

use crate::admin::pb;

/// The line before the answer of a check that failed by `unavailable: defer` (CONTRACT 4.8.2).
pub const LEFT_TO_ENVOY: &str = "Envoy's failure_mode_allow decides about this request (unavailable: defer). If it is true, Envoy admits the request without a \
     verified token. Otherwise:";

/// A decision for programs, with the field names of the log.
pub fn json(decision: &pb::Decision) -> Value {
    object!({
        "timestamp": moment(decision),
        "decision": decision.decision,
        "reason": decision.reason,
        "rule": decision.rule,
        "issuer": decision.issuer,
        "key_id": decision.key_id,
        "request_id": decision.request_id,
        "method": decision.method,
        "host": decision.host,
        "path": decision.path,
        "latency_micros": decision.latency_micros,
        "token_cache": decision.token_cache,
        "config": decision.config,
        "trace_id": decision.trace_id,
        "claims": decision.claims,
        "cause": decision.cause,
    })
}

/// The time of a decision by RFC 3339, with milliseconds.
pub fn moment(decision: &pb::Decision) -> String {
    DateTime::from_timestamp_millis(decision.unix_millis)
        .map(|moment| moment.to_rfc3339_opts(SecondsFormat::Millis, true))
        .unwrap_or_default()
}

/// A latency in one unit.
pub fn latency(micros: u64) -> String {
    match micros {
        0..10_000 => format!("{micros}us"),
        10_000..10_000_000 => format!("{}ms", micros / 1_000),
        _ => format!("{}s", micros / 1_000_000),
    }
}

/// A duration in its two largest units.
pub fn span(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds)
        .unwrap_or_default()
        .as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        _ => format!("{hours}h{:02}m", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_duration_is_displayed_with_at_most_two_units() {
        let texts = [0.4, 59.9, 61.0, 3599.0, 90_000.0].map(span);
        assert_eq!(texts, ["0s", "59s", "1m01s", "59m59s", "25h00m"]);
    }
}
