//! The whole service over gRPC and HTTP: in this process on free ports, or as the binary.
//!
//! These tests cover what callers, operators and upstreams see. Details of one file are tested beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "the whole crate is a test; clippy.toml's exceptions end at the test functions"
)]

// Admissions and refusals: their whole answers, and the order of reasons.
mod answers;
// The schema of the Helm chart.
mod chart;
// Commands: arguments, output and exit status of the binary.
mod cli;
// The web console.
mod console;
// How a request carries its token.
mod credential;
// The deny list.
mod deny_list;
// Kubernetes manifests against the service.
mod deploy;
// `accredit explain`.
mod explain;
// Malformed, oversized and interrupted calls of `Check`.
mod fail_closed;
// Well-formed and malformed tokens.
mod form;
// The properties of the fuzz targets.
mod fuzz;
// Claim headers for the upstream, and spoofed headers.
mod headers;
// Rules about the source code itself.
mod house;
// `accredit import`.
mod import;
// Several issuers, their audiences and their key sets.
mod issuers;
// Key sets that change, fail, hang and expire.
mod keys;
// Start, readiness, drain, and the ports.
mod lifecycle;
// Log lines.
mod logs;
// Secrets and unverified content in every output.
mod markers;
// Prometheus metrics.
mod metrics;
// The admin API and the commands that use it.
mod operator;
// TLS between accredit and the receiver of spans.
mod receiver_tls;
// Bound tokens and their proofs.
mod proofs;
// The configuration reference.
mod reference;
// Reloads of the configuration.
mod reload;
// The metadata of the protected API.
mod resource_metadata;
// Rules: selection, access, scopes and conditions.
mod rules;
// Rules of other files.
mod rules_from;
// TLS on the service's own ports.
mod tls;
// Exported spans.
mod traces;
// Checks while standard error is not read.
mod unread_log;
// Alert rules, dashboard and metrics reference.
mod watching;

use accredit_test_support as support;
