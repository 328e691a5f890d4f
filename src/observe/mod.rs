//! What happens to each decision: metrics, the log of refusals, the span, the tail and the last refusals.

pub mod check_span;
pub mod decision_metrics;
pub mod observer;
pub mod refusal_log;
pub mod report;
pub mod request_summary;
pub mod tail;
