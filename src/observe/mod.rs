//! Reports each decision: to metrics, the log of denials, the span, the tail and the last denials.

pub mod check_span;
pub mod decision_metrics;
pub mod observer;
pub mod refusal_log;
pub mod report;
pub mod request_summary;
pub mod tail;
