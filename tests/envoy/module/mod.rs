//! accredit inside Envoy: no service runs.

mod decisions;
mod file;
mod lifecycle;
mod routes;
mod scene;
mod waits;
