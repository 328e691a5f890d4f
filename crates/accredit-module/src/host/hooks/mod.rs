//! The functions that Envoy calls. Their names and signatures are those of the ABI.

pub mod bootstrap;
pub mod bootstrap_unused;
pub mod filter;
pub mod filter_config;
pub mod program;
pub mod unused;
