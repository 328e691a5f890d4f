//! One check from its call's headers to its answer, as its span sees it.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::telemetry::traces::{ActiveSpan, Parent, ParentText};

/// A check that is being made.
#[derive(Debug)]
pub struct Ongoing {
    /// When its call's headers came.
    pub arrived: Instant,
    /// The trace that the caller itself is in.
    pub caller: Option<ParentText>,
    span: Mutex<Option<ActiveSpan>>,
}

impl Ongoing {
    /// A check whose call arrived then, as a part of that trace.
    pub fn new(arrived: Instant, caller: Option<ParentText>) -> Ongoing {
        Ongoing {
            arrived,
            caller,
            span: Mutex::new(None),
        }
    }

    /// Its span has begun. It is kept here, so that a check which ends in a panic still has one span and not two.
    pub fn keep(&self, span: Option<ActiveSpan>) {
        *self.span.lock().unwrap_or_else(PoisonError::into_inner) = span;
    }

    /// Its span, for the one who ends it.
    pub fn take(&self) -> Option<ActiveSpan> {
        self.span
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// What is done on its behalf is a child of this.
    pub fn as_parent(&self) -> Option<Parent> {
        let span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        span.as_ref().map(ActiveSpan::as_parent)
    }
}
