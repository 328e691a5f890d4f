//! The counters of decisions in Envoy's statistics (CONTRACT 9.10). Those without labels exist as soon as Envoy has loaded the filter.

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
}

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
        Ok(FilterCounters {
            allowed: define("accredit_allowed", &mut [])?,
            denied: define("accredit_denied", &mut [])?,
            denied_by_reason: define("accredit_denials", &mut [AbiBuffer::of(b"reason")])?,
            shadow_by_reason: define("accredit_shadow", &mut [AbiBuffer::of(b"reason")])?,
        })
    }

    /// Counts a decision.
    ///
    /// # Safety
    /// `filter` is Envoy's filter of a stream that exists, on the thread of the stream, and of the configuration of these counters.
    pub unsafe fn count(
        self,
        filter: EnvoyPtr,
        callbacks: &EnvoyCallbacks,
        decision: Decision,
        reason: Reason,
    ) {
        let increment = |id: usize, labels: &mut [AbiBuffer]| {
            // A decision is not changed because it could not be counted.
            // SAFETY: by the contract of this function; the labels live until the call returns.
            let _ = unsafe {
                (callbacks.http_filter_increment_counter)(
                    filter,
                    id,
                    labels.as_mut_ptr(),
                    labels.len(),
                    1,
                )
            };
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
