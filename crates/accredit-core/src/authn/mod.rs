//! Authentication: from the credential of a request to the holder of a verified token.
//!
//! Knows neither rules nor Envoy.

pub mod authenticator;
pub mod cookies;
pub mod error;
pub mod extraction_error;
pub mod flat_metadata;
pub mod header_value;
pub mod hidden_tokens;
pub mod identity;
pub mod issuer_names;
pub mod issuer_template;
pub mod issuers;
pub mod jwt_like;
pub mod moment;
pub mod near_miss;
pub mod query;
pub mod realm;
pub mod removal;
pub mod scheme;
pub mod source_contents;
pub mod sources;
pub mod tenants;
pub mod token_cache;
pub mod token_metadata;
pub mod token_source;
pub mod websocket;
