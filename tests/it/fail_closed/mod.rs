//! Calls that a gRPC library would answer with an error, which Envoy's `failure_mode_allow` makes an admission.

pub(crate) mod common;
pub(crate) mod descriptors;
mod evicted;
pub(crate) mod floods;
pub(crate) mod half_closed;
pub(crate) mod handshakes;
pub(crate) mod header_floods;
pub(crate) mod memory;
pub(crate) mod messages;
pub(crate) mod peers;
pub(crate) mod pressure;
pub(crate) mod unread;
pub(crate) mod wrong_protocol;
