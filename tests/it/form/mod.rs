//! What is a token at all, and what a forger may write into one.

pub(crate) mod json;
pub(crate) mod place;
pub(crate) mod segments;
pub(crate) mod signatures;
