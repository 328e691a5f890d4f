//! The trusted issuers, by the exact text of `iss`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::forward::claim_headers::ClaimHeaders;
use crate::jwks::store::KeyStore;
use crate::token::requirements::Requirements;

/// One issuer entry of the configuration.
pub struct Issuer {
    /// The `iss` values that share it.
    pub names: Vec<Arc<str>>,
    /// What its tokens must satisfy.
    pub requirements: Requirements,
    /// Its keys.
    pub keys: Arc<KeyStore>,
    /// What the upstream is told of its tokens.
    pub claim_headers: ClaimHeaders,
    /// Whether the service waits for its keys before it says that it is ready.
    pub readiness: Readiness,
}

/// Whether readiness waits for an issuer's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Required,
    /// It does not.
    Optional,
}

/// Every issuer entry. An issuer is chosen before a key is looked for, so that no issuer can sign for another,
/// whatever key ids they share.
#[derive(Debug)]
pub struct Issuers {
    entries: Vec<Arc<Issuer>>,
    by_name: HashMap<Arc<str>, Arc<Issuer>>,
}

impl Issuers {
    /// Takes the entries; of two that bear one name the first keeps it.
    pub fn new(entries: Vec<Arc<Issuer>>) -> Issuers {
        let mut by_name = HashMap::new();
        for entry in &entries {
            for name in &entry.names {
                by_name.entry(name.clone()).or_insert_with(|| entry.clone());
            }
        }
        Issuers { entries, by_name }
    }

    /// The entry of that `iss`, compared character by character, and the name as configured.
    pub fn find(&self, issuer: &str) -> Option<(&Arc<str>, &Arc<Issuer>)> {
        self.by_name.get_key_value(issuer)
    }

    /// The configured name that differs from this one by a final `/` alone.
    pub fn near_miss(&self, issuer: &str) -> Option<&Arc<str>> {
        let other = issuer
            .strip_suffix('/')
            .map_or_else(|| format!("{issuer}/"), str::to_owned);
        self.by_name
            .get_key_value(other.as_str())
            .map(|(name, _)| name)
    }

    /// Every entry in the configuration's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.entries.iter()
    }
}

impl Issuer {
    /// Whether readiness waits for its keys.
    pub fn is_required(&self) -> bool {
        self.readiness == Readiness::Required
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({:?})", self.names)
    }
}
