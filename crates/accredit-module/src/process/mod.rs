//! The parts that exist once per process: configurations, keys, the thread that refreshes them, the log, and pages of
//! Envoy's admin.

pub mod active_policy;
pub mod bootstrap_extension;
pub mod configuration;
pub mod configuration_reading;
pub mod configuration_tasks;
pub mod configuration_watch;
pub mod encoded_forms;
pub mod environment;
pub mod log;
pub mod metrics;
pub mod module_process;
pub mod pages;
pub mod platform;
pub mod policy;
pub mod resumption;
pub mod runtime;
