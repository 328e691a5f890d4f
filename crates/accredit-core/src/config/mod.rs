//! The configuration: from a YAML text to [`settings::Settings`], or to every problem of the text.

pub mod claims_document;
pub mod defaults;
pub mod deny_list;
pub mod document;
pub mod env;
pub mod fingerprint;
pub mod issuer_document;
pub mod listen_addr;
pub mod load;
pub mod locations;
pub mod one_or_many;
pub mod ordered_map;
pub mod path;
pub mod problem;
pub mod resolve;
pub mod revoked_document;
pub mod rule_document;
pub mod schema;
pub mod sentence;
pub mod settings;
pub mod structure;
pub mod tls_files;
pub mod units;
pub mod warning;
pub mod words;
pub mod yaml;
