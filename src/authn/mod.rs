//! Who is it: from a request's credential to an identity whose token was verified.
//!
//! Knows neither rules nor Envoy.

pub mod authenticator;
pub mod cookies;
pub mod error;
pub mod header_value;
pub mod identity;
pub mod issuers;
pub mod moment;
pub mod near_miss;
pub mod query;
pub mod realm;
pub mod removal;
pub mod sources;
pub mod token_cache;
pub mod websocket;
