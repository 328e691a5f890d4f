//! Starting, being ready, stopping, and what each port answers to whom.

pub(crate) mod common;
pub(crate) mod ports;
pub(crate) mod probes;
pub(crate) mod readiness;
pub(crate) mod stopping;
