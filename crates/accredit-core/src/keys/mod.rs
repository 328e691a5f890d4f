//! The keys of one issuer entry: where they come from, which may verify tokens now, and what a missing key means.
//!
//! Knows neither tokens nor I/O. The refresher of the service fetches key sets and hands them to the store.

pub mod access;
pub mod considered;
pub mod error;
pub mod key_set;
pub mod lease;
pub mod ledger;
pub mod set_aside;
pub mod sharing;
pub mod source;
pub mod store;
