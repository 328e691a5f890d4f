//! What the upstream is told of a token, and what no client may tell it.
//!
//! Pure and synchronous; knows neither rules nor Envoy.

pub mod claim_headers;
pub mod header_name;
pub mod strip;
