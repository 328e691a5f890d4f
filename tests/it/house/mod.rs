//! The house's own rules, which in one crate no compiler keeps: who imports whom, and where outside crates live.

pub(crate) mod circles;
pub(crate) mod dependencies;
pub(crate) mod language;
pub(crate) mod names;
pub(crate) mod rules;
pub(crate) mod security_model;
pub(crate) mod sources;
pub(crate) mod tables;
