//! What the tests stand on: the service, an Envoy, an upstream that remembers, issuers, and clients that send any bytes.

pub(crate) mod accredit;
pub(crate) mod answers;
pub(crate) mod bootstrap;
pub(crate) mod certificates;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod envoy;
pub(crate) mod http2;
pub(crate) mod key_server;
pub(crate) mod keys;
pub(crate) mod load;
pub(crate) mod logs;
pub(crate) mod lying;
pub(crate) mod panicking;
pub(crate) mod ports;
pub(crate) mod proxy;
pub(crate) mod replica;
pub(crate) mod scene;
pub(crate) mod token;
pub(crate) mod upstream;
