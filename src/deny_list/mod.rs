//! Loads the deny list of the configuration, and keeps it current.

pub mod error;
pub mod keeper;
pub mod loading;
pub mod metrics;
pub mod unmatched;
pub mod updates;
