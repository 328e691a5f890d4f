//! The live tail, and the last denials.

pub mod filter;
pub mod followers;
pub mod last_refusals;
