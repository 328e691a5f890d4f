//! Where spans go and which are made, by OpenTelemetry's standard environment: read, or refused with a sentence.
//!
//! What the libraries read by themselves (headers, resource, limits) is judged here all the same, since they pass over what
//! they cannot read.

use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::trace::Sampler;

use crate::telemetry::otlp_certificates::Certificates;
use crate::telemetry::span_queue::Gathering;

/// How one process traces.
#[derive(Clone, Debug)]
pub struct OtlpSettings {
    /// Which spans are made.
    pub sampler: Sampler,
    /// Whether a caller's trace is joined (`OTEL_PROPAGATORS`).
    pub reads_parents: bool,
    /// How spans are sent.
    pub protocol: Protocol,
    /// Where to; where the protocol has its usual port on this machine, if that is not said.
    pub endpoint: Option<String>,
    /// How spans are gathered.
    pub gathering: Gathering,
    /// How long one message may take.
    pub timeout: Duration,
    /// What proves who is who.
    pub certificates: Certificates,
    /// Whether the environment says what the service is called.
    pub names_service: bool,
}

/// How spans are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP, in protobuf.
    Http,
}

/// A variable that cannot be followed, and what would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSettingError(pub(in crate::telemetry) String);

/// A lookup in the environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Variables of the specification that nothing here follows.
const NOT_FOLLOWED: [&str; 4] = [
    "OTEL_CONFIG_FILE",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
];

impl OtlpSettings {
    /// Reads the environment; `None` where it asks for no traces.
    ///
    /// # Errors
    /// [`TraceSettingError`]
    pub fn read(env: Lookup<'_>) -> Result<Option<OtlpSettings>, TraceSettingError> {
        if is_disabled(env)? || !exports(env)? {
            return Ok(None);
        }
        if let Some(name) = NOT_FOLLOWED.into_iter().find(|name| env(name).is_some()) {
            return Err(wrong(name, "is not supported", "unset it"));
        }
        judge_headers(env)?;
        one_of(env, "COMPRESSION", "none", &["gzip", "none"])?;
        judge_numbers(env)?;
        let protocol = match one_of(env, "PROTOCOL", "grpc", &["grpc", "http/protobuf"])? {
            "grpc" => Protocol::Grpc,
            _ => Protocol::Http,
        };
        let names =
            env("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|text| text.contains("service.name="));
        Ok(Some(OtlpSettings {
            sampler: sampler(env)?,
            reads_parents: propagates(env)?,
            protocol,
            endpoint: endpoint(env, protocol)?,
            gathering: gathering(env)?,
            timeout: Duration::from_millis(otlp_number(env, "TIMEOUT")?.unwrap_or(10_000)),
            certificates: Certificates::read(env)?,
            names_service: names || env("OTEL_SERVICE_NAME").is_some(),
        }))
    }
}

fn is_disabled(env: Lookup<'_>) -> Result<bool, TraceSettingError> {
    let name = "OTEL_SDK_DISABLED";
    match env(name).map(|text| text.to_ascii_lowercase()).as_deref() {
        Some("true") => Ok(true),
        Some("false") | None => Ok(false),
        Some(_) => Err(wrong(name, "is neither true nor false", "use one of them")),
    }
}

/// Traces are asked for by an endpoint, or by the exporter's name.
fn exports(env: Lookup<'_>) -> Result<bool, TraceSettingError> {
    let name = "OTEL_TRACES_EXPORTER";
    match env(name).as_deref() {
        Some("otlp") => Ok(true),
        Some("none") => Ok(false),
        None => Ok(otlp(env, "ENDPOINT").is_some()),
        Some(_) => Err(wrong(
            name,
            "names an exporter that is not there",
            "use otlp or none",
        )),
    }
}

/// The variable for traces beats the general one.
pub fn otlp(env: Lookup<'_>, what: &str) -> Option<(String, String)> {
    ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"]
        .into_iter()
        .map(|prefix| format!("{prefix}{what}"))
        .find_map(|name| env(&name).map(|text| (name, text)))
}

fn one_of(
    env: Lookup<'_>,
    what: &str,
    default: &'static str,
    known: &[&'static str],
) -> Result<&'static str, TraceSettingError> {
    let Some((name, text)) = otlp(env, what) else {
        return Ok(default);
    };
    let found = known.iter().copied().find(|known| *known == text);
    found.ok_or_else(|| {
        wrong(
            &name,
            "is not supported",
            &format!("use {}", known.join(" or ")),
        )
    })
}

/// The general one is a base, to which OTLP over HTTP adds its path.
fn endpoint(env: Lookup<'_>, protocol: Protocol) -> Result<Option<String>, TraceSettingError> {
    let Some((name, text)) = otlp(env, "ENDPOINT") else {
        return Ok(None);
    };
    let is_url = text.parse::<http::Uri>().is_ok_and(|uri| {
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        matches!(uri.scheme_str(), Some("http" | "https")) && has_host
    });
    if !is_url {
        return Err(wrong(
            &name,
            "is no http or https URL",
            "write it as http://host:4317",
        ));
    }
    let is_base = name == "OTEL_EXPORTER_OTLP_ENDPOINT" && protocol == Protocol::Http;
    Ok(Some(match is_base {
        true => format!("{}/v1/traces", text.trim_end_matches('/')),
        false => text,
    }))
}

fn judge_headers(env: Lookup<'_>) -> Result<(), TraceSettingError> {
    let Some((name, text)) = otlp(env, "HEADERS") else {
        return Ok(());
    };
    let is_header = |part: &str| {
        part.split_once('=').is_some_and(|(name, value)| {
            name.trim().parse::<http::HeaderName>().is_ok()
                && value.trim().parse::<http::HeaderValue>().is_ok()
        })
    };
    let parts = text.split_terminator(',').map(str::trim);
    match parts.into_iter().all(is_header) {
        true => Ok(()),
        false => Err(wrong(
            &name,
            "is no list of headers",
            "write it as name=value,name=value",
        )),
    }
}

/// The library passes over numbers that are none.
fn judge_numbers(env: Lookup<'_>) -> Result<(), TraceSettingError> {
    for what in ["ATTRIBUTE", "EVENT", "LINK"] {
        number(env, &format!("OTEL_SPAN_{what}_COUNT_LIMIT"))?;
    }
    Ok(())
}

fn number(env: Lookup<'_>, name: &str) -> Result<Option<u64>, TraceSettingError> {
    read_number(name, env(name))
}

fn otlp_number(env: Lookup<'_>, what: &str) -> Result<Option<u64>, TraceSettingError> {
    match otlp(env, what) {
        Some((name, text)) => read_number(&name, Some(text)),
        None => Ok(None),
    }
}

fn read_number(name: &str, text: Option<String>) -> Result<Option<u64>, TraceSettingError> {
    let read = text.map(|text| text.parse::<u32>().ok().filter(|number| *number > 0));
    match read {
        None => Ok(None),
        Some(Some(number)) => Ok(Some(number.into())),
        Some(None) => Err(wrong(name, "is no whole number above 0", "write one")),
    }
}

fn gathering(env: Lookup<'_>) -> Result<Gathering, TraceSettingError> {
    let number = |what: &str, default| {
        number(env, &format!("OTEL_BSP_{what}")).map(|number| number.unwrap_or(default))
    };
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let queue = count(number("MAX_QUEUE_SIZE", 2048)?);
    Ok(Gathering {
        queue,
        batch: count(number("MAX_EXPORT_BATCH_SIZE", 512)?).min(queue),
        delay: Duration::from_millis(number("SCHEDULE_DELAY", 5000)?),
        timeout: Duration::from_millis(number("EXPORT_TIMEOUT", 30_000)?),
    })
}

fn sampler(env: Lookup<'_>) -> Result<Sampler, TraceSettingError> {
    let name = "OTEL_TRACES_SAMPLER";
    let by_parent = |root| Sampler::ParentBased(Box::new(root));
    Ok(match env(name).as_deref() {
        Some("always_on") => Sampler::AlwaysOn,
        Some("always_off") => Sampler::AlwaysOff,
        Some("traceidratio") => Sampler::TraceIdRatioBased(ratio(env)?),
        Some("parentbased_always_on") | None => by_parent(Sampler::AlwaysOn),
        Some("parentbased_always_off") => by_parent(Sampler::AlwaysOff),
        Some("parentbased_traceidratio") => by_parent(Sampler::TraceIdRatioBased(ratio(env)?)),
        Some(_) => {
            return Err(wrong(
                name,
                "names a sampler that is not there",
                "use always_on, always_off, traceidratio, or one of these after parentbased_",
            ));
        }
    })
}

fn ratio(env: Lookup<'_>) -> Result<f64, TraceSettingError> {
    let name = "OTEL_TRACES_SAMPLER_ARG";
    let Some(text) = env(name) else {
        return Ok(1.0);
    };
    let ratio = text
        .parse()
        .ok()
        .filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| wrong(name, "is no number from 0 to 1", "write one"))
}

/// Nothing is sent on from here, so that baggage has no one to go to; what counts is whether a parent is read.
fn propagates(env: Lookup<'_>) -> Result<bool, TraceSettingError> {
    let name = "OTEL_PROPAGATORS";
    let Some(text) = env(name) else {
        return Ok(true);
    };
    let names: Vec<_> = text.split(',').map(str::trim).collect();
    let unknown = names
        .iter()
        .any(|name| !matches!(*name, "tracecontext" | "baggage" | "none"));
    match unknown {
        true => Err(wrong(
            name,
            "names a propagator that is not there",
            "use tracecontext or none",
        )),
        false => Ok(names.contains(&"tracecontext")),
    }
}

/// An error of that variable.
pub fn wrong(name: &str, what: &str, mend: &str) -> TraceSettingError {
    TraceSettingError(format!("{name} {what}; {mend}"))
}

impl fmt::Display for TraceSettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TraceSettingError {}

#[cfg(test)]
mod tests;
