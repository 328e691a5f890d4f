//! One JSON Web Token (RFC 7519) in its states of trust: a bearer's text, an unverified token, a verified one.
//!
//! Nothing here does I/O or reads a clock.

pub mod bearer;
pub mod claim_name;
pub mod claims;
pub mod error;
pub mod numeric_date;
pub mod requirements;
pub mod scope;
pub mod unverified;
pub mod verified;
