//! The metrics of the process in Envoy's statistics, by the bootstrap extension. Envoy's main thread updates them at intervals.

use std::collections::HashMap;

use accredit::telemetry::metrics::{MetricSample, SampleKind};

use crate::host::abi::{AbiBuffer, EnvoyPtr, METRIC_SUCCESS};
use crate::host::callbacks::EnvoyCallbacks;
use crate::process::metrics::{COUNTERS, GAUGES, MetricFamily};

/// Envoy's function that sets a value of a series, given the number of its family and the values of its labels.
type Update = unsafe extern "C" fn(EnvoyPtr, usize, *mut AbiBuffer, usize, u64) -> u32;

/// Envoy's function that defines a family.
type Define = unsafe extern "C" fn(EnvoyPtr, AbiBuffer, *mut AbiBuffer, usize, *mut usize) -> u32;

/// The families that Envoy has defined, and the values that it has.
pub struct ProcessStatistics {
    add: Update,
    set: Update,
    families: HashMap<&'static str, usize>,
    published: HashMap<(&'static str, Vec<String>), PublishedValue>,
}

struct PublishedValue {
    kind: SampleKind,
    value: u64,
    is_current: bool,
}

impl ProcessStatistics {
    /// Defines the families. Envoy permits it while it makes the configuration only. `None` if this Envoy cannot do it.
    ///
    /// # Safety
    /// `config` is Envoy's configuration of the bootstrap extension that it makes now.
    pub unsafe fn define(
        config: EnvoyPtr,
        callbacks: &EnvoyCallbacks,
    ) -> Option<ProcessStatistics> {
        let counter = callbacks.bootstrap_extension_config_define_counter?;
        let gauge = callbacks.bootstrap_extension_config_define_gauge?;
        let kinds: [(Define, &[MetricFamily]); 2] = [(counter, &COUNTERS), (gauge, &GAUGES)];
        let mut families = HashMap::new();
        for (define, named) in kinds {
            for (name, labels) in named {
                let labels = labels.iter().map(|label| AbiBuffer::of(label.as_bytes()));
                let (mut labels, mut id) = (labels.collect::<Vec<_>>(), 0);
                // SAFETY: by the contract of this function; name and labels live until the call returns.
                let result = unsafe {
                    define(
                        config,
                        AbiBuffer::of(name.as_bytes()),
                        labels.as_mut_ptr(),
                        labels.len(),
                        &mut id,
                    )
                };
                if result == METRIC_SUCCESS {
                    families.insert(*name, id);
                } else {
                    tracing::warn!(name, "Envoy does not define a statistic");
                }
            }
        }
        Some(ProcessStatistics {
            add: callbacks.bootstrap_extension_config_increment_counter?,
            set: callbacks.bootstrap_extension_config_set_gauge?,
            families,
            published: HashMap::new(),
        })
    }

    /// Sets Envoy's statistics to these values. A gauge that is no longer among them becomes 0.
    ///
    /// # Safety
    /// `config` is Envoy's configuration of the bootstrap extension with these families, on the main thread.
    pub unsafe fn publish(&mut self, config: EnvoyPtr, samples: Vec<MetricSample>) {
        for published in self.published.values_mut() {
            published.is_current = false;
        }
        for MetricSample {
            name,
            kind,
            labels,
            value,
        } in samples
        {
            // Envoy's gauges are whole numbers. Rounded up, the last day of a trial is not 0.
            let value = value.max(0.0).ceil() as u64;
            let values: Vec<_> = labels.into_iter().map(|(_, value)| value).collect();
            let series = (name, values);
            let before = self.published.get(&series).map(|own| own.value);
            // SAFETY: by the contract of this function.
            unsafe { self.update(config, &series, kind, before, value) };
            let published = PublishedValue {
                kind,
                value,
                is_current: true,
            };
            self.published.insert(series, published);
        }
        let gone = |own: &PublishedValue| !own.is_current && own.kind == SampleKind::Gauge;
        let old: Vec<_> = self
            .published
            .extract_if(|_, own| gone(own))
            .map(|(series, own)| (series, own.value))
            .collect();
        for (series, before) in old {
            // SAFETY: by the contract of this function.
            unsafe { self.update(config, &series, SampleKind::Gauge, Some(before), 0) };
        }
    }

    /// # Safety
    /// As [`ProcessStatistics::publish`].
    unsafe fn update(
        &self,
        config: EnvoyPtr,
        (name, values): &(&'static str, Vec<String>),
        kind: SampleKind,
        before: Option<u64>,
        value: u64,
    ) {
        let (Some(id), true) = (self.families.get(name), before != Some(value)) else {
            return;
        };
        let (update, number) = match kind {
            SampleKind::Gauge => (self.set, value),
            // A series of a rule that was removed and came back begins at 0 again.
            SampleKind::Counter => match value.checked_sub(before.unwrap_or_default()) {
                Some(more) => (self.add, more),
                None => (self.add, value),
            },
        };
        let values = values.iter().map(|value| AbiBuffer::of(value.as_bytes()));
        let mut values: Vec<_> = values.collect();
        // Envoy refuses labels of another number than defined, which changes nothing.
        // SAFETY: by the contract of this function; the labels live until the call returns.
        let _ = unsafe { update(config, *id, values.as_mut_ptr(), values.len(), number) };
    }
}
