//! The composition root: binds every socket, builds every part, ties them, runs them, and stops them in order.

pub mod becoming_ready;
pub mod engine;
pub mod error;
pub mod explain;
pub mod explanation;
pub mod keys;
pub mod metrics;
pub mod notes;
pub mod online;
pub mod ports;
pub mod pretended;
pub mod reload;
pub mod run;
