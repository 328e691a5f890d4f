//! Checks a document against the schema of its types.

pub mod check;
pub mod expected;
pub mod grammar;
pub mod hints;
