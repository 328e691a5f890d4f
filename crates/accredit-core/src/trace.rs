//! The trace of a check that waits for keys.

use std::fmt;

/// The W3C trace context of a check that waits: the parent of the fetch's span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    pub traceparent: String,
    pub tracestate: Option<String>,
}

/// Gives the trace of a check. It is read only if the check waits, and before the fetch that it waits for can end.
pub trait CheckTrace: fmt::Debug + Sync {
    /// `None` if the check has no span.
    fn trace_parent(&self) -> Option<TraceParent>;
}
