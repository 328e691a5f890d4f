//! The development issuer of `accredit dev`: an OAuth 2.0 authorization server on loopback, with two registered clients
//! and keys in memory.
//!
//! No code that serves checks imports it.

pub mod claims;
pub mod clients;
pub mod grant;
pub mod host_guard;
pub mod keys;
pub mod mint;
pub mod server;
pub mod token_answer;
