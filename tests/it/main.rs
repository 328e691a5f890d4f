//! The true service in this process, on ports of the system's choice, asked as Envoy asks it.
//!
//! A module here is about what callers, operators and upstreams see; what only one file can know is tested beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "the whole crate is a test; clippy.toml's exceptions end at the test functions"
)]

// What each refusal and each admission says, and which of two reasons is said.
mod answers;
// Where the token is in a request.
mod credential;
// What is a token at all.
mod form;
// Claim headers for the upstream, and spoofed headers.
mod headers;
// Several issuers, their audiences and their key sets.
mod issuers;
// Keys that come, go, hang and change.
mod keys;
// What the log says.
mod logs;
// Checks while standard error is not read.
mod unread_log;
// What Prometheus reads.
mod metrics;
// Spans that leave the process.
mod traces;
// Who the receiver of spans is, and who we are to it.
mod receiver_tls;
// What must come out nowhere.
mod markers;
// What is shipped to watch it with.
mod watching;
// Calls that a gRPC library would answer with an error.
mod fail_closed;
// Which requests need what, and what rules ask of tokens.
mod rules;
// The decision told step by step.
mod explain;
// What an operator asks of a running service.
mod operator;
// The pages for those who would rather look.
mod console;
// Another configuration for a service that runs.
mod reload;
// Starting, being ready, stopping, and who may ask the admin port.
mod lifecycle;
// The true binary: what is typed, what is said, how it ends.
mod cli;
// What the manifests promise of the service.
mod deploy;
// The reference of the configuration.
mod reference;
// The house's own rules.
mod house;
mod support;
mod tls;
