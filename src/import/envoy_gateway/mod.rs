//! Envoy Gateway's `SecurityPolicy`: `jwt` and `authorization`.

pub mod authorization;
pub mod http_route;
pub mod provider;
pub mod reader;
pub mod targets;
