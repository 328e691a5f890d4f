//! The decision: one request in, allow or deny out, the same for the service and for whoever asks why.
//!
//! Synchronous; knows neither Envoy nor HTTP nor the configuration's text.

pub mod account;
pub mod asked;
pub mod authorizer;
pub mod circumstances;
pub mod decision;
pub mod denial;
pub mod explanation;
pub mod metrics;
pub mod observer;
pub mod ongoing;
pub mod record;
pub mod refusal_log;
pub mod step;
pub mod tail;
