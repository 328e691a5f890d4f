//! What the tests stand on: an Envoy, an upstream that remembers, and a client that sends any bytes.

pub(crate) mod bootstrap;
pub(crate) mod client;
pub(crate) mod envoy;
pub(crate) mod ports;
pub(crate) mod upstream;
