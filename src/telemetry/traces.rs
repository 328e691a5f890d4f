//! Spans. If tracing is not configured, no span is made.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{
    Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Array, Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};

use crate::telemetry::local_decision::Untrusted;
use crate::telemetry::otlp_exporter::{self, OtlpError};
use crate::telemetry::otlp_settings::OtlpSettings;
use crate::telemetry::otlp_variables::Lookup;
use crate::telemetry::span_queue::SpanCounts;

/// Makes spans, if tracing is configured.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Tracing>>);

struct Tracing {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    counts: Arc<SpanCounts>,
    reads_parents: bool,
}

/// The parent of a span, if it has one.
#[derive(Clone, Default)]
pub struct Parent(Context);

/// A span that has begun and not ended.
pub struct ActiveSpan(Span);

/// OpenTelemetry's span kind; accredit makes spans of these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Envoy calls accredit.
    Server,
    /// accredit calls an issuer.
    Client,
}

/// W3C trace context as text.
#[derive(Clone, Debug, Default)]
pub struct ParentText {
    /// `traceparent`
    pub traceparent: String,
    /// `tracestate`, if the caller sent it.
    pub tracestate: Option<String>,
}

impl Traces {
    /// Traces as OpenTelemetry's environment asks for. If spans cannot be exported, the log says why, and there are none.
    pub fn start(env: Lookup<'_>) -> Traces {
        Traces::try_start(env).unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::warn!(%error, cause, "spans are not exported");
            Traces::default()
        })
    }

    fn try_start(env: Lookup<'_>) -> Result<Traces, OtlpError> {
        let Some(settings) = OtlpSettings::read(env)? else {
            return Ok(Traces::default());
        };
        let reads_parents = settings.reads_parents;
        let (provider, counts) = otlp_exporter::provider(settings)?;
        let tracer = provider.tracer("accredit");
        Ok(Traces(Some(Arc::new(Tracing {
            provider,
            tracer,
            counts,
            reads_parents,
        }))))
    }

    /// Whether tracing is configured.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The counts of exported and dropped spans, if tracing is configured.
    pub fn counts(&self) -> Option<&SpanCounts> {
        self.0.as_deref().map(|tracing| &*tracing.counts)
    }

    /// The parent by the metadata of Envoy's call or else by the `traceparent` that it forwards, which a client can set
    /// (CONTRACT 6.3.2, 6.3.3).
    pub fn parent(&self, own: Option<&ParentText>, forwarded: Option<&str>) -> Parent {
        let reads_parents = self.0.as_ref().is_some_and(|tracing| tracing.reads_parents);
        let read = |text: &ParentText| {
            let context = TraceContextPropagator::new().extract_with_context(&Context::new(), text);
            context.has_active_span().then_some(context)
        };
        if !reads_parents {
            return Parent::default();
        }
        let own = own.and_then(read).map(Parent);
        own.or_else(|| {
            let text = ParentText {
                traceparent: forwarded?.to_owned(),
                tracestate: None,
            };
            read(&text).map(|context| Parent(context.with_value(Untrusted)))
        })
        .unwrap_or_default()
    }

    /// Begins a span whose start time lies `ago` in the past.
    pub fn begin(
        &self,
        name: &'static str,
        kind: Kind,
        parent: &Parent,
        ago: Duration,
    ) -> Option<ActiveSpan> {
        let tracing = self.0.as_ref()?;
        let kind = match kind {
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
        };
        let builder = tracing.tracer.span_builder(name).with_kind(kind);
        let builder = builder.with_start_time(now().checked_sub(ago).unwrap_or_else(now));
        Some(ActiveSpan(
            builder.start_with_context(&tracing.tracer, &parent.0),
        ))
    }

    /// Exports the queued spans, for at most `within`. Blocks.
    pub fn shutdown(&self, within: Duration) {
        if let Some(tracing) = &self.0 {
            // Spans that the receiver does not take in time are counted as dropped or end with the process.
            let _ = tracing.provider.shutdown_with_timeout(within);
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a span has wall-clock times")]
fn now() -> SystemTime {
    SystemTime::now()
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() {
            "Traces(on)"
        } else {
            "Traces(off)"
        })
    }
}

impl fmt::Debug for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parent")
    }
}

impl Extractor for ParentText {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => Some(&self.traceparent),
            "tracestate" => self.tracestate.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

// === impl ActiveSpan ===

impl ActiveSpan {
    /// Whether the span is sampled.
    pub fn is_recording(&self) -> bool {
        self.0.is_recording()
    }

    pub fn set(&mut self, name: impl Into<opentelemetry::Key>, value: impl Into<Value>) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// Sets an attribute whose type is a list.
    pub fn set_list(&mut self, name: &'static str, only: String) {
        self.set(name, Value::Array(Array::String(vec![only.into()])));
    }

    /// Sets the status to Error.
    pub fn fail(&mut self, why: impl Into<std::borrow::Cow<'static, str>>) {
        self.0.set_status(Status::error(why));
    }

    /// The W3C trace context of which this span is the parent.
    pub fn trace_parent(&self) -> ParentText {
        let context = self.0.span_context();
        let state = context.trace_state().header();
        ParentText {
            traceparent: format!(
                "00-{}-{}-{:02x}",
                context.trace_id(),
                context.span_id(),
                context.trace_flags().to_u8()
            ),
            tracestate: (!state.is_empty()).then_some(state),
        }
    }

    /// The trace id in hexadecimal digits.
    pub fn trace_id(&self) -> String {
        self.0.span_context().trace_id().to_string()
    }

    pub fn end(mut self) {
        self.0.end();
    }
}

impl fmt::Debug for ActiveSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActiveSpan")
    }
}
