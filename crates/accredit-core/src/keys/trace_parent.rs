//! The trace of a check that waits for keys.

/// The W3C trace context of a check that waits: the parent of the fetch's span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    pub traceparent: String,
    pub tracestate: Option<String>,
}
