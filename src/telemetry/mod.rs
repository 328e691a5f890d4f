//! How what happens is told to operators; knows nothing of what is told.

pub mod local_decision;
pub mod log_queue;
pub mod logs;
pub mod metrics;
pub mod otlp;
pub mod otlp_certificates;
pub mod otlp_settings;
pub mod span_queue;
pub mod traces;
