//! The live tail: decisions for whoever follows them now, and the last refusals for whoever asks later.

pub mod entry;
pub mod filter;
pub mod followers;
pub mod last_refusals;
