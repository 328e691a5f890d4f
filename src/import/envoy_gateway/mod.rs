//! Envoy Gateway's `SecurityPolicy`: `jwt` and `authorization`.

pub mod authorization;
pub mod http_route;
pub mod policy_routes;
pub mod provider;
pub mod reader;
pub mod security_policy;
pub mod targets;
