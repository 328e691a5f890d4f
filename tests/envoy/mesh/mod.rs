//! Configurations that the control planes of Istio and Envoy Gateway made of the manifests (tests/fixtures/mesh).

mod answers;
mod check_script;
mod envoy_gateway;
mod failing_replicas;
mod generated;
mod health_checks;
mod imported;
mod imported_gateway;
mod imported_istio;
mod istio;
mod module;
mod traps;
