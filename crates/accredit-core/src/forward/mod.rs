//! The headers that an admission sets and removes (CONTRACT 4.9, 4.10).

pub mod claim_headers;
pub mod claim_text;
pub mod expression_value;
pub mod header_name;
pub mod json_text;
pub mod left_out;
pub mod strip;
