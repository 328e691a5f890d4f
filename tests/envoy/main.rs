//! What happens to a request that goes through a real Envoy with the shipped configuration.
//!
//! `make test` fetches that Envoy first; without it these tests fail and say how to get it.

#![allow(clippy::large_futures, reason = "tests have the stack for it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the whole crate is a test; clippy.toml's exceptions end at the test functions"
)]

mod bound_tokens;
mod claim_headers;
mod cors;
mod credentials;
mod deny_list;
mod fail_closed;
mod filtered_headers;
mod forgeries;
mod forwarding;
mod grpc_clients;
mod guarded_keys;
mod harness;
mod issuers;
mod left_to_envoy;
mod mesh;
mod metadata;
mod module;
mod mutual_tls;
mod paths;
mod refusals;
mod reload;
mod replicas;
mod resource_metadata;
mod rotation;
mod route_context;
mod safety;
mod shipped;
mod slow_keys;
mod spoofing;
mod support;
mod tenants;
mod tracing;
mod trailers;
mod typed_metadata;
