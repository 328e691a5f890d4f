//! The true binary: what is typed, what it says, and how it ends.

pub(crate) mod common;
pub(crate) mod configuration;
pub(crate) mod reference;
pub(crate) mod serving;
pub(crate) mod usage;
