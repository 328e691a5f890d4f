//! One JSON Web Token (RFC 7519): the text that a client sent, the unverified token, and the verified token.
//!
//! Nothing here does I/O or reads a clock.

pub mod accepted_texts;
pub mod bearer;
pub mod binding_error;
pub mod claim_demand;
pub mod claim_name;
pub mod claim_values;
pub mod claims;
pub mod confirmation;
pub mod decimal;
pub mod error;
pub mod malformed;
pub mod numeric_date;
pub mod requirements;
pub mod scope;
pub mod unverified;
pub mod verified;
