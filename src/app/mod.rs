//! The composition root: binds the sockets, builds and connects the parts, runs them, and stops them in order.

pub mod apply;
pub mod becoming_ready;
pub mod check_deny_list;
pub mod check_files;
pub mod engine;
pub mod error;
pub mod explain;
pub mod fixed_settings;
pub mod listeners;
pub mod metrics;
pub mod online;
pub mod pending;
pub mod port_threads;
pub mod ports;
pub mod reload;
pub mod rules_files;
pub mod rules_watch;
pub mod run;
pub mod trials;
pub mod upkeep;
