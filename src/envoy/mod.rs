//! Envoy's external authorization API, `envoy.service.auth.v3.Authorization/Check`. No other room writes an answer to it.

pub mod current;
pub mod fail_closed;
pub mod grpc;
pub mod in_flight;
pub mod judge;
pub mod message_budget;
pub mod message_writer;
pub mod metadata;
pub mod port;
pub mod request;
pub mod response;
pub mod service;
pub mod trace_context;
pub mod wire;
