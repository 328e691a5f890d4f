//! Claim headers for the upstream, and spoofed headers.

pub(crate) mod place;
pub(crate) mod spoofed;
pub(crate) mod values;
