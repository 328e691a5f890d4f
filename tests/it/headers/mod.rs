//! What the upstream is told of a token, and what nobody else may tell it.

pub(crate) mod place;
pub(crate) mod spoofed;
pub(crate) mod values;
