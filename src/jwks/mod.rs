//! How the keys of each issuer entry are fetched, saved and refreshed.

pub mod bearer_file;
pub mod client_identity;
pub mod conditional;
pub mod connect;
pub mod content;
pub mod discovery;
pub mod error;
pub mod fetcher;
pub mod http_clients;
pub mod issuer_client;
pub mod key_location;
pub mod key_report;
pub mod key_saver;
pub mod key_stores;
pub mod metrics;
pub mod refresher;
pub mod saved_keys;
pub mod server_text;
pub mod state_dir;
pub mod tls_failure;
pub mod trust;
pub mod verifier;
