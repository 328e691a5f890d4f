//! The embedded development issuer: an OAuth 2.0 authorization server for loopback, with two known clients and throwaway keys.
//!
//! It stands alone, so that nothing which serves a check can ever reach it.

pub mod claims;
pub mod clients;
pub mod grant;
pub mod host_guard;
pub mod keys;
pub mod mint;
pub mod server;
pub mod token_answer;
