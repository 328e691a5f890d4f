//! The keys of one issuer entry: where they come from, how they are had, and which may serve now.
//!
//! Knows no token: it is asked by key id and algorithm.

pub mod discovery;
pub mod error;
pub mod fetch;
pub mod http;
pub mod keeper;
pub mod key_set;
pub mod last_good;
pub mod ledger;
pub mod metrics;
pub mod refresher;
pub mod source;
pub mod state_dir;
pub mod store;
pub mod target;
