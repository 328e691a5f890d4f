//! The text of metrics, and percentiles of histograms.

use std::sync::Arc;
use std::time::Duration;

use super::{Histogram, Metrics};

#[test]
fn a_metric_histogram_has_cumulative_buckets() {
    let histogram = Arc::new(Histogram::default());
    for micros in [10, 11, 900_000, 3_000_000] {
        histogram.observe(Duration::from_micros(micros));
    }
    let metrics = Metrics::new(vec![Box::new(move |text| {
        text.histogram("a_seconds", "A", &histogram)
    })]);
    let text = metrics.text();
    for line in [
        "# TYPE a_seconds histogram",
        "a_seconds_bucket{le=\"1e-05\"} 1",
        "a_seconds_bucket{le=\"2.5e-05\"} 2",
        "a_seconds_bucket{le=\"0.5\"} 2",
        "a_seconds_bucket{le=\"1\"} 3",
        "a_seconds_bucket{le=\"+Inf\"} 4",
        "a_seconds_count 4",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
}

#[test]
fn percentiles_are_estimated_within_a_bucket() {
    let histogram = Histogram::default();
    assert_eq!(histogram.counts().percentile(0.5), None);
    for _ in 0..100 {
        histogram.observe(Duration::from_micros(40));
    }
    let before = histogram.counts();
    assert_eq!(before.percentile(0.5), Some(Duration::from_nanos(37_500)));
    assert_eq!(before.percentile(1.0), Some(Duration::from_micros(50)));
    for _ in 0..100 {
        histogram.observe(Duration::from_secs(9));
    }
    let since = histogram.counts().since(&before);
    assert_eq!(since.percentile(0.5), Some(Duration::from_secs(1)));
    assert_eq!(since.plus(&before), histogram.counts());
    assert_eq!(
        since.plus(&before).percentile(0.25),
        Some(Duration::from_nanos(37_500))
    );
}

#[test]
fn metric_label_values_are_escaped() {
    let metrics = Metrics::new(vec![Box::new(|text| {
        text.counters("a", "A", [(vec![("b", "\"} 1\n\\")], 1)])?;
        text.gauges("empty", "Without samples", [])
    })]);
    assert_eq!(
        metrics.text(),
        "# HELP a_total A\n# TYPE a_total counter\na_total{b=\"\\\"} 1\\n\\\\\"} 1\n# HELP empty Without samples\n# TYPE empty gauge\n"
    );
}
