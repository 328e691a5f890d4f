//! Requests whose headers Envoy did not send in full.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::request::Completeness;

/// Counts requests whose headers Envoy did not send in full: accredit cannot see and remove look-alikes among the other headers.
#[derive(Debug, Default)]
pub struct FilteredRequests {
    was_reported: AtomicBool,
    requests: AtomicU64,
}

impl FilteredRequests {
    pub fn count(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Counts a request with an incomplete set of headers, and warns about the first.
    pub fn notice(&self, completeness: Completeness) {
        if completeness == Completeness::Complete {
            return;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        if !self.was_reported.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "Envoy does not send all request headers (`allowed_headers` or `headersToExtAuth` is set), so accredit \
                 cannot remove look-alikes of claim headers; remove that setting"
            );
        }
    }
}
