//! Istio's `RequestAuthentication` and `AuthorizationPolicy`.

pub mod authentication;
pub mod authorization;
pub mod conditions;
pub mod reader;
pub mod workload;
