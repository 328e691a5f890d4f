//! Spans, where tracing is configured; where it is not, no span object is ever made.

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

use crate::telemetry::local_decision::{LocalDecision, Untrusted};
use crate::telemetry::otlp;
use crate::telemetry::otlp_settings::{OtlpSettings, TraceSettingError};
use crate::telemetry::span_queue::Counts;

/// Makes spans, or nothing.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Tracing>>);

struct Tracing {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    counts: Arc<Counts>,
    reads_parents: bool,
}

/// What a span is a child of, if of anything.
#[derive(Clone, Default)]
pub struct Parent(Context);

/// A span that has begun.
pub struct ActiveSpan(Span);

/// Who a span is for: the two kinds that are made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody asked us.
    Server,
    /// We ask somebody.
    Client,
}

/// W3C trace context as text.
#[derive(Clone, Debug, Default)]
pub struct ParentText {
    /// `traceparent`
    pub traceparent: String,
    /// `tracestate`, if there is any.
    pub tracestate: Option<String>,
}

impl Traces {
    /// Traces as these settings ask for.
    ///
    /// # Errors
    /// [`TraceSettingError`]
    pub fn start(settings: OtlpSettings) -> Result<Traces, TraceSettingError> {
        let reads_parents = settings.reads_parents;
        let sampler = LocalDecision(settings.sampler.clone());
        let (provider, counts) = otlp::provider(settings, sampler)?;
        let tracer = provider.tracer("accredit");
        Ok(Traces(Some(Arc::new(Tracing {
            provider,
            tracer,
            counts,
            reads_parents,
        }))))
    }

    /// Whether spans are made at all.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What came of the spans so far.
    pub fn counts(&self) -> Option<&Counts> {
        self.0.as_deref().map(|tracing| &*tracing.counts)
    }

    /// The parent that a caller names: its own metadata is trusted, a header that it forwards is a stranger's.
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

    /// Begins a span that long ago.
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

    /// Sends what is left, for so long at most. Blocks.
    pub fn shutdown(&self, within: Duration) {
        if let Some(tracing) = &self.0 {
            // Whoever is too late to be told has been counted.
            let _ = tracing.provider.shutdown_with_timeout(within);
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a span says when it was")]
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
    /// Whether anybody will see it.
    pub fn is_recording(&self) -> bool {
        self.0.is_recording()
    }

    /// Says something of it.
    pub fn set(&mut self, name: impl Into<opentelemetry::Key>, value: impl Into<Value>) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// Says something of it that could be said several times.
    pub fn set_list(&mut self, name: &'static str, only: String) {
        self.set(name, Value::Array(Array::String(vec![only.into()])));
    }

    /// Says that it went wrong.
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

    /// Its trace, in hexadecimal digits.
    pub fn trace_id(&self) -> String {
        self.0.span_context().trace_id().to_string()
    }

    /// It has ended.
    pub fn end(mut self) {
        self.0.end();
    }
}

impl fmt::Debug for ActiveSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActiveSpan")
    }
}
