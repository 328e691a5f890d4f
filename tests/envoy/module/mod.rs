//! accredit inside Envoy: no service runs.

mod decisions;
mod deny_list;
mod file;
mod lifecycle;
mod peers;
mod routes;
mod scene;
mod statistics;
mod steady_clients;
mod tracing;
mod updates;
mod waits;
