//! The command line of the real binary: arguments, output and exit status.

pub(crate) mod common;
pub(crate) mod configuration;
pub(crate) mod reference;
pub(crate) mod rule_tests;
pub(crate) mod serving;
pub(crate) mod usage;
pub(crate) mod warnings;
