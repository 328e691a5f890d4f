//! Sockets, connections, readiness, drain and probes: what serves, and knows nothing of what is served.

pub mod accept;
pub mod backlog;
pub mod bind;
pub mod client_names;
pub mod connection;
pub mod handshake;
pub mod host_guard;
pub mod http;
pub mod listed_clients;
pub mod listener;
pub mod open_connections;
pub mod readiness;
pub mod requests;
pub mod shutdown;
pub mod stream;
pub mod tls;
pub mod tls_files;
pub mod tls_files_error;
pub mod wire;
pub mod workers;
