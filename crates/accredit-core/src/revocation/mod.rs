//! The deny list (CONTRACT 8.4): tokens that are refused before they expire.

pub mod entry;
pub mod list;
pub mod source;
pub mod store;
