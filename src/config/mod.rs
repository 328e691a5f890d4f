//! The settings: from a YAML text to values that the service can start with, every problem named on the way.

pub mod document;
pub mod env;
pub mod fingerprint;
pub mod load;
pub mod locations;
pub mod ordered_map;
pub mod path;
pub mod problem;
pub mod resolve;
pub mod rules_document;
pub mod schema;
pub mod settings;
pub mod structure;
pub mod units;
pub mod yaml;
