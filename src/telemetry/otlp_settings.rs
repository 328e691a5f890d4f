//! The environment variables of OpenTelemetry that the exporter and the SDK do not read: whether spans are exported,
//! the protocol, the batches, and whether the trace of the caller is continued.

use std::time::Duration;

use crate::telemetry::otlp_certificates::{OtlpCertificateError, OtlpCertificates};
use crate::telemetry::otlp_variables::{
    Lookup, ignore, otlp, positive, valid, valid_otlp, value, warn_of_ignored,
};
use crate::telemetry::span_queue::SpanBatching;

/// How this process exports spans.
#[derive(Clone, Debug)]
pub struct OtlpSettings {
    pub protocol: OtlpProtocol,
    /// `None` is the protocol's default port on this machine.
    pub endpoint: Option<String>,
    pub certificates: OtlpCertificates,
    pub batching: SpanBatching,
    /// Whether the trace context of a caller is read (`OTEL_PROPAGATORS`).
    pub reads_parents: bool,
}

/// `OTEL_EXPORTER_OTLP_PROTOCOL`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtlpProtocol {
    Grpc,
    /// Protobuf over HTTP.
    Http,
}

impl OtlpSettings {
    /// Reads the environment; `None` if it asks for no traces.
    ///
    /// # Errors
    /// [`OtlpCertificateError`]; every other value that is not valid is ignored with a warning.
    pub fn read(env: Lookup<'_>) -> Result<Option<OtlpSettings>, OtlpCertificateError> {
        if !is_asked_for(env) {
            return Ok(None);
        }
        warn_of_ignored(env);
        Ok(Some(OtlpSettings {
            protocol: protocol(env),
            endpoint: otlp(env, "ENDPOINT").map(|(_, endpoint)| endpoint),
            certificates: OtlpCertificates::read(env)?,
            batching: batching(env),
            reads_parents: reads_parents(env),
        }))
    }
}

/// Traces are asked for by an endpoint, or by the name of the exporter.
fn is_asked_for(env: Lookup<'_>) -> bool {
    let disabled = valid(env, "OTEL_SDK_DISABLED", "true or false", |value| {
        value.to_ascii_lowercase().parse::<bool>().ok()
    });
    if disabled == Some(true) {
        return false;
    }
    let exports = valid(
        env,
        "OTEL_TRACES_EXPORTER",
        "otlp or none",
        |value| match value {
            "otlp" => Some(true),
            "none" => Some(false),
            _ => None,
        },
    );
    exports.unwrap_or_else(|| otlp(env, "ENDPOINT").is_some())
}

fn protocol(env: Lookup<'_>) -> OtlpProtocol {
    let read = |value: &str| match value.to_ascii_lowercase().as_str() {
        "grpc" => Some(OtlpProtocol::Grpc),
        "http/protobuf" => Some(OtlpProtocol::Http),
        _ => None,
    };
    let protocol = valid_otlp(env, "PROTOCOL", "grpc or http/protobuf", read);
    protocol.unwrap_or(OtlpProtocol::Grpc)
}

fn batching(env: Lookup<'_>) -> SpanBatching {
    let count = |name, default| positive(env, name).unwrap_or(default);
    let milliseconds =
        |name, default| Duration::from_millis(positive::<u32>(env, name).unwrap_or(default).into());
    let max_queue = count("OTEL_BSP_MAX_QUEUE_SIZE", 2048_u32);
    let max_batch = count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512).min(max_queue);
    SpanBatching {
        max_queue: max_queue as usize,
        max_batch: max_batch as usize,
        delay: milliseconds("OTEL_BSP_SCHEDULE_DELAY", 5000),
        timeout: milliseconds("OTEL_BSP_EXPORT_TIMEOUT", 30_000),
    }
}

/// accredit propagates no context itself, so `baggage` has no effect.
fn reads_parents(env: Lookup<'_>) -> bool {
    let variable = "OTEL_PROPAGATORS";
    let names = value(env, variable).unwrap_or_default();
    let (known, unknown): (Vec<_>, Vec<_>) = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .partition(|name| matches!(*name, "tracecontext" | "baggage" | "none"));
    if !unknown.is_empty() {
        ignore(variable, Some(&unknown.join(",")), "tracecontext or none");
    }
    known.is_empty() || known.contains(&"tracecontext")
}

#[cfg(test)]
mod tests;
