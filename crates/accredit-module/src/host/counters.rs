//! The counters of decisions in Envoy's statistics (CONTRACT 9.10). Those without labels exist as soon as Envoy has loaded the filter.

use std::sync::OnceLock;

use accredit_core::authz::denial::Denial;
use accredit_core::authz::record::DecisionRecord;
use accredit_core::reason::{Decision, Reason};

use crate::host::abi::{AbiBuffer, EnvoyPtr, METRIC_SUCCESS};
use crate::host::callbacks::EnvoyCallbacks;

/// The counters of one configuration of the filter, by Envoy's numbers.
#[derive(Clone, Copy, Debug)]
pub struct FilterCounters {
    allowed: usize,
    denied: usize,
    denied_by_reason: usize,
    shadow_by_reason: usize,
    faults: usize,
}

/// Envoy numbers the counters of each configuration in the order of their definition, so that the numbers of one hold for all. They
/// serve where a fault has left no configuration to look at.
static NUMBERS: OnceLock<FilterCounters> = OnceLock::new();

/// Envoy does not define a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Envoy does not define the counter {0}")]
pub struct NoCounter(&'static str);

impl FilterCounters {
    /// Defines the counters. Envoy permits it while it makes the configuration only.
    ///
    /// # Errors
    /// [`NoCounter`]
    ///
    /// # Safety
    /// `config` is the configuration of the filter that Envoy makes now.
    pub unsafe fn define(
        config: EnvoyPtr,
        callbacks: &EnvoyCallbacks,
    ) -> Result<FilterCounters, NoCounter> {
        let define = |name: &'static str, labels: &mut [AbiBuffer]| {
            let mut id = 0;
            // SAFETY: by the contract of this function; name and labels live until the call returns.
            let result = unsafe {
                (callbacks.http_filter_config_define_counter)(
                    config,
                    AbiBuffer::of(name.as_bytes()),
                    labels.as_mut_ptr(),
                    labels.len(),
                    &mut id,
                )
            };
            (result == METRIC_SUCCESS)
                .then_some(id)
                .ok_or(NoCounter(name))
        };
        let counters = FilterCounters {
            allowed: define("accredit_allowed", &mut [])?,
            denied: define("accredit_denied", &mut [])?,
            denied_by_reason: define("accredit_denials", &mut [AbiBuffer::of(b"reason")])?,
            shadow_by_reason: define("accredit_shadow", &mut [AbiBuffer::of(b"reason")])?,
            faults: define("accredit_faults", &mut [])?,
        };
        // The first configuration has set them already.
        let _ = NUMBERS.set(counters);
        Ok(counters)
    }

    /// Counts a denial after a panic or a null filter.
    ///
    /// # Safety
    /// `filter` is Envoy's filter of a stream that exists, on the thread of the stream.
    pub unsafe fn count_fault(filter: EnvoyPtr, callbacks: &EnvoyCallbacks) {
        if let Some(counters) = NUMBERS.get() {
            // SAFETY: by the contract of this function. Envoy looks up the numbers in the configuration of the filter.
            unsafe {
                counters.count_reason(filter, callbacks, Decision::Deny, Reason::InternalError)
            }
            // SAFETY: as above.
            unsafe { increment(filter, callbacks, counters.faults, &mut []) }
        }
    }

    /// Counts a decision.
    ///
    /// # Safety
    /// `filter` is Envoy's filter of a stream that exists, on the thread of the stream, and of the configuration of these counters.
    pub unsafe fn count(
        self,
        filter: EnvoyPtr,
        callbacks: &EnvoyCallbacks,
        record: &DecisionRecord,
    ) {
        // SAFETY: by the contract of this function.
        unsafe { self.count_reason(filter, callbacks, record.decision(), record.reason) }
        if record.denial == Some(Denial::Internal) {
            // SAFETY: by the contract of this function.
            unsafe { increment(filter, callbacks, self.faults, &mut []) }
        }
    }

    /// # Safety
    /// As [`FilterCounters::count`].
    unsafe fn count_reason(
        self,
        filter: EnvoyPtr,
        callbacks: &EnvoyCallbacks,
        decision: Decision,
        reason: Reason,
    ) {
        // SAFETY: by the contract of this function.
        let increment = |id: usize, labels: &mut [AbiBuffer]| unsafe {
            increment(filter, callbacks, id, labels);
        };
        let label = AbiBuffer::of(reason.as_str().as_bytes());
        match decision {
            Decision::Allow => increment(self.allowed, &mut []),
            Decision::Shadow => {
                increment(self.allowed, &mut []);
                increment(self.shadow_by_reason, &mut [label]);
            }
            Decision::Deny => {
                increment(self.denied, &mut []);
                increment(self.denied_by_reason, &mut [label]);
            }
        }
    }
}

/// A decision is not changed because it could not be counted.
///
/// # Safety
/// `filter` is Envoy's filter of a stream that exists, on the thread of the stream.
unsafe fn increment(
    filter: EnvoyPtr,
    callbacks: &EnvoyCallbacks,
    id: usize,
    labels: &mut [AbiBuffer],
) {
    // SAFETY: by the contract of this function; the labels live until the call returns.
    let _ = unsafe {
        (callbacks.http_filter_increment_counter)(filter, id, labels.as_mut_ptr(), labels.len(), 1)
    };
}
