//! The parts that the integration tests share: the service, its surroundings (key servers, receivers of spans, Envoy),
//! and its clients. These functions assert what a test needs to continue, so a failure has the text of its cause.
#![allow(
    clippy::large_futures,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::new_without_default,
    clippy::print_stderr,
    reason = "only tests use this crate, and a panic is a failed test"
)]

pub mod answer;
pub mod bootstrap;
pub mod certificates;
pub mod check_request;
pub mod client;
pub mod connection;
pub mod envoy;
pub mod eventually;
pub mod http2;
pub mod http2_client;
pub mod http_get;
pub mod issuer;
pub mod keys;
pub mod module;
pub mod otlp;
pub mod panicking_log;
pub mod ports;
pub mod process;
pub mod proof;
pub mod raw_call;
pub mod secret;
pub mod service;
pub mod token;
pub mod upstream;
