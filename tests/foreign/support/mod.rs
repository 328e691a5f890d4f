//! What these tests stand on: programs of others, accredit's own binary, and Envoy's question without Envoy.

pub(crate) mod accredit;
pub(crate) mod check;
pub(crate) mod edge;
pub(crate) mod http;
pub(crate) mod program;
pub(crate) mod provider;
pub(crate) mod scripts;
pub(crate) mod token;
pub(crate) mod two_ways;
