//! accredit with other projects' clients, issuers, APIs and tokens.
//!
//! `make test` fetches them first (`scripts/foreign.sh`); without them these tests fail and say how to get them.

#![allow(clippy::large_futures, reason = "tests have the stack for it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "the whole crate is a test; clippy.toml's exceptions end at the test functions"
)]

mod console;
mod customers;
mod dpop;
mod examples;
mod guide;
mod issuer;
mod mcp;
mod minted;
mod oracle;
mod quickstart;
mod rotation;
mod support;
mod tokens;
