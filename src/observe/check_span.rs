//! One check from the headers of its call to its answer, with its span.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use accredit_core::trace::{CheckTrace, TraceParent};

use crate::telemetry::traces::{ActiveSpan, ParentText};

/// A check in progress.
#[derive(Debug)]
pub struct CheckSpan {
    /// When the headers of the call arrived.
    pub arrived: Instant,
    /// The trace context of the call's metadata.
    pub caller: Option<ParentText>,
    /// On the heap: most checks have no span, and a check is moved.
    span: Mutex<Option<Box<ActiveSpan>>>,
}

impl CheckSpan {
    pub fn new(arrived: Instant, caller: Option<ParentText>) -> CheckSpan {
        CheckSpan {
            arrived,
            caller,
            span: Mutex::new(None),
        }
    }

    /// Keeps the span that has begun, so that a check which ends in a panic still has one span and not two.
    pub fn keep(&self, span: Option<ActiveSpan>) {
        *self.span.lock().unwrap_or_else(PoisonError::into_inner) = span.map(Box::new);
    }

    /// Takes the span, to end it.
    pub fn take(&self) -> Option<ActiveSpan> {
        let span = self
            .span
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        span.map(|span| *span)
    }
}

impl CheckTrace for CheckSpan {
    fn trace_parent(&self) -> Option<TraceParent> {
        let span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        span.as_ref().map(|span| {
            let parent = span.trace_parent();
            TraceParent {
                traceparent: parent.traceparent,
                tracestate: parent.tracestate,
            }
        })
    }
}
