//! Sockets, connections, readiness, drain and probes: what serves, and knows nothing of what is served.

pub mod accept;
pub mod backlog;
pub mod bind;
pub mod connection;
pub mod host_guard;
pub mod http;
pub mod listener;
pub mod open_connections;
pub mod readiness;
pub mod requests;
pub mod shutdown;
pub mod wire;
pub mod workers;
