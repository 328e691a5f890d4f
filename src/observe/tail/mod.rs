//! The live tail, and the last refusals.

pub mod filter;
pub mod followers;
pub mod last_refusals;
