//! The keys of one issuer entry: where they come from, how they are fetched, and which may verify tokens now.

pub mod content;
pub mod discovery;
pub mod error;
pub mod fetcher;
pub mod issuer_client;
pub mod key_location;
pub mod key_report;
pub mod key_saver;
pub mod key_set;
pub mod key_stores;
pub mod ledger;
pub mod metrics;
pub mod refresher;
pub mod saved_keys;
pub mod source;
pub mod state_dir;
pub mod store;
pub mod trust;
pub mod verifier;
