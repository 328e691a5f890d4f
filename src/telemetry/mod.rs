//! Logs, metrics and traces. The rooms above decide what is logged, counted and traced.

pub mod build_info;
pub mod local_decision;
pub mod log_queue;
pub mod logs;
pub mod metrics;
pub mod otlp_certificates;
pub mod otlp_exporter;
pub mod otlp_settings;
pub mod otlp_variables;
pub mod printable;
pub mod span_queue;
pub mod traces;
