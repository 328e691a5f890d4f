//! The hooks as Envoy calls them, with functions of Envoy that record what the module does.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::undocumented_unsafe_blocks,
    reason = "the whole crate is a test, which plays Envoy's part"
)]

mod bootstrap;
mod configurations;
mod deny_lists;
mod fake_bootstrap;
mod fake_callbacks;
mod fake_envoy;
mod fake_stream;
mod faults;
mod followed_files;
mod header_changes;
mod module_log;
mod peers;
mod routes;
mod streams;
