//! Writes metrics in the text format of Prometheus. The rooms that count things write their own families.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Upper bounds of the buckets in seconds: a cached token takes microseconds, a wait for keys up to a second.
const BOUNDS: [f64; 16] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0,
];

#[derive(Debug)]
pub struct Metrics(Registry);

/// Writes the current metrics of one room.
pub type RoomMetrics = Box<dyn Fn(&mut Exposition<'_>) -> fmt::Result + Send + Sync>;

/// Receives the samples of a room. In the text, a family without samples still has its description.
pub struct Exposition<'a>(SampleSink<'a>);

enum SampleSink<'a> {
    Text(DescriptorEncoder<'a>),
    Collected(&'a mut Vec<MetricSample>),
}

/// A counter or a gauge at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSample {
    /// Without `_total`.
    pub name: &'static str,
    pub kind: SampleKind,
    pub labels: Vec<(&'static str, String)>,
    pub value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    Counter,
    Gauge,
}

/// The labels of one sample.
pub type Labels<'a> = Vec<(&'static str, &'a str)>;

/// A histogram of durations. Observing takes no lock.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    beyond: AtomicU64,
    nanoseconds: AtomicU64,
}

/// The number of durations in each bucket of a [`Histogram`]. The last bucket has the durations above every bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketCounts([u64; BOUNDS.len() + 1]);

struct MetricsCollector(RoomMetrics);

impl Metrics {
    /// The metrics that these rooms write.
    pub fn new(rooms: Vec<RoomMetrics>) -> Metrics {
        let mut registry = Registry::default();
        for room in rooms {
            registry.register_collector(Box::new(MetricsCollector(room)));
        }
        Metrics(registry)
    }

    /// The text format of Prometheus, version 0.0.4.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a `String` cannot fail.
        let _ = prometheus_text::encode(&mut text, &self.0);
        text
    }
}

impl Collector for MetricsCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        (self.0)(&mut Exposition(SampleSink::Text(encoder)))
    }
}

impl fmt::Debug for MetricsCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsCollector")
    }
}

// === impl Exposition ===

impl Exposition<'_> {
    /// The counters and gauges that a room writes, without its histograms.
    pub fn collect(
        write: impl FnOnce(&mut Exposition<'_>) -> fmt::Result,
    ) -> Result<Vec<MetricSample>, fmt::Error> {
        let mut samples = Vec::new();
        write(&mut Exposition(SampleSink::Collected(&mut samples)))?;
        Ok(samples)
    }

    /// Writes a family of counters; in the text, `_total` is added to its name.
    ///
    /// # Errors
    /// [`fmt::Error`]
    pub fn counters<'l>(
        &mut self,
        name: &'static str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l>, u64)>,
    ) -> fmt::Result {
        let samples = samples.into_iter();
        match &mut self.0 {
            SampleSink::Text(encoder) => {
                let samples = samples.map(|(labels, count)| (labels, ConstCounter::new(count)));
                family(encoder, name, help, MetricType::Counter, samples)
            }
            SampleSink::Collected(collected) => {
                let samples = samples.map(|(labels, count)| (labels, count as f64));
                collected.extend(samples.map(sample(name, SampleKind::Counter)));
                Ok(())
            }
        }
    }

    /// Writes a family of gauges.
    ///
    /// # Errors
    /// [`fmt::Error`]
    pub fn gauges<'l>(
        &mut self,
        name: &'static str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l>, f64)>,
    ) -> fmt::Result {
        let samples = samples.into_iter();
        match &mut self.0 {
            SampleSink::Text(encoder) => {
                let samples = samples.map(|(labels, value)| (labels, ConstGauge::new(value)));
                family(encoder, name, help, MetricType::Gauge, samples)
            }
            SampleSink::Collected(collected) => {
                collected.extend(samples.map(sample(name, SampleKind::Gauge)));
                Ok(())
            }
        }
    }

    /// Writes a histogram.
    ///
    /// # Errors
    /// [`fmt::Error`]
    pub fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
        let SampleSink::Text(encoder) = &mut self.0 else {
            return Ok(());
        };
        let counts = histogram
            .buckets
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        let beyond = histogram.beyond.load(Ordering::Relaxed);
        let buckets: Vec<(f64, u64)> = BOUNDS.into_iter().zip(counts).collect();
        let sum = Duration::from_nanos(histogram.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        encoder
            .encode_descriptor(name, help, None, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(
                sum,
                counts.iter().sum::<u64>() + beyond,
                &buckets,
                None,
            )
    }
}

fn sample(name: &'static str, kind: SampleKind) -> impl Fn((Labels<'_>, f64)) -> MetricSample {
    move |(labels, value)| {
        let labels = labels.into_iter();
        MetricSample {
            name,
            kind,
            labels: labels
                .map(|(name, value)| (name, value.to_owned()))
                .collect(),
            value,
        }
    }
}

fn family<'l, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    kind: MetricType,
    samples: impl Iterator<Item = (Labels<'l>, M)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, metric) in samples {
        metric.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

// === impl Histogram ===

impl Histogram {
    /// Adds one duration.
    pub fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS
            .iter()
            .zip(&self.buckets)
            .find(|(bound, _)| seconds <= **bound);
        let count = bucket.map_or(&self.beyond, |(_, count)| count);
        count.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// The number of durations in each bucket.
    pub fn counts(&self) -> BucketCounts {
        let mut counts = BucketCounts::default();
        let buckets = self.buckets.iter().chain([&self.beyond]);
        for (own, bucket) in counts.0.iter_mut().zip(buckets) {
            *own = bucket.load(Ordering::Relaxed);
        }
        counts
    }
}

// === impl BucketCounts ===

impl BucketCounts {
    /// The difference to the earlier counts.
    #[must_use]
    pub fn since(mut self, earlier: &BucketCounts) -> BucketCounts {
        for (own, earlier) in self.0.iter_mut().zip(earlier.0) {
            *own = own.saturating_sub(earlier);
        }
        self
    }

    /// The sum of both counts.
    #[must_use]
    pub fn plus(mut self, other: &BucketCounts) -> BucketCounts {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own += other;
        }
        self
    }

    /// The duration that a share of all durations does not exceed, estimated within its bucket; the largest bound if it is
    /// beyond. `None` without durations.
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let total: u64 = self.0.iter().sum();
        let rank = share * total as f64;
        let (mut below, mut lower) = (0.0, 0.0);
        for (upper, count) in BOUNDS.into_iter().zip(self.0) {
            let count = count as f64;
            if count > 0.0 && below + count >= rank {
                let within = ((rank - below) / count).clamp(0.0, 1.0);
                return Some(Duration::from_secs_f64(lower + (upper - lower) * within));
            }
            (below, lower) = (below + count, upper);
        }
        (total > 0).then(|| Duration::from_secs_f64(lower))
    }
}

#[cfg(test)]
mod tests;
