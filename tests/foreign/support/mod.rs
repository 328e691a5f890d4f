//! The support of these tests alone: programs of other projects, and the binary beside them.

pub(crate) mod accredit;
pub(crate) mod edge;
pub(crate) mod http;
pub(crate) mod program;
pub(crate) mod provider;
pub(crate) mod scripts;
pub(crate) mod token;
pub(crate) mod two_ways;
