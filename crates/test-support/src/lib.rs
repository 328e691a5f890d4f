//! What the integration tests share: the service, what is around it (key servers, receivers of spans, Envoy), and its clients.
//!
//! Whatever a test cannot continue without is asserted here, so a failure has the text of its cause.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "only tests use this crate, and a panic is a failed test"
)]

pub mod answer;
pub mod certificates;
pub mod check_request;
pub mod eventually;
pub mod http2;
pub mod http_get;
pub mod issuer;
pub mod keys;
pub mod otlp;
pub mod process;
pub mod raw_call;
pub mod service;
pub mod token;
