//! Where the deny list comes from.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::keys::source::KeyAddress;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DenyListSource {
    /// A file, which is watched.
    File(PathBuf),
    /// An address, from which the list is fetched at intervals.
    Uri(KeyAddress),
}

/// The deny list of a configuration (`revoked`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyListSettings {
    pub source: DenyListSource,
    /// The longest time between two fetches.
    pub refresh: Duration,
    /// The time limit of one fetch.
    pub timeout: Duration,
    /// PEM certificates that a fetch trusts instead of the system's roots.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Display for DenyListSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DenyListSource::File(path) => write!(f, "{}", path.display()),
            DenyListSource::Uri(address) => address.fmt(f),
        }
    }
}
