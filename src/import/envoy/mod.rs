//! Configurations of Envoy: the filters `jwt_authn` and `rbac` of an HTTP connection manager, and their per-route overrides.

pub mod chain;
pub mod find;
pub mod joined;
pub mod jwt_filter;
pub mod matchers;
pub mod metadata;
pub mod provider;
pub mod rbac;
pub mod reader;
pub mod requirement;
pub mod routes;
