//! The headers that an admission sets and removes (CONTRACT 4.9, 4.10).

pub mod claim_headers;
pub mod header_name;
pub mod strip;
