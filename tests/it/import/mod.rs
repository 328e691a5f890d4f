//! `accredit import`: what each origin becomes, and who is then admitted.

mod changed_values;
mod common;
mod envoy_gateway;
mod gateway_denials;
mod gateway_targets;
mod input;
mod istio;
mod jwt_authn;
mod kept_denials;
mod kubernetes;
mod kubernetes_claims;
mod rbac;
mod repeated_headers;
mod unreadable;
mod wrong_types;
