//! The configured issuers, by the exact text of `iss`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::authn::tenants::{TenantError, TenantIssuers, Tenants};
use crate::forward::claim_headers::ClaimHeaders;
use crate::forward::header_name::HeaderName;
use crate::keys::lease::KeyLease;
use crate::keys::store::KeyStore;
use crate::token::claims::Claims;
use crate::token::requirements::Requirements;

/// One issuer entry of the configuration.
pub struct Issuer {
    /// The accepted `iss` values. With `tenants`, one can have a placeholder.
    pub names: Vec<Arc<str>>,
    pub requirements: Requirements,
    pub keys: Arc<KeyStore>,
    pub claim_headers: ClaimHeaders,
    /// The header that carries the payload of a verified token.
    pub payload_header: Option<HeaderName>,
    pub startup: Startup,
    /// The accepted tenants, if a name has a placeholder.
    pub tenants: Option<Tenants>,
}

/// Whether the service waits for an issuer's keys before it reports that it is ready (`required`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Startup {
    WaitsForKeys,
    DoesNotWait,
}

/// A configured name, and its entry.
pub type FoundIssuer<'a> = (&'a Arc<str>, &'a Arc<Issuer>);

/// Every issuer entry. The issuer is chosen by `iss` before a key is looked for, so that no issuer can sign for another,
/// even if both use the same key id.
#[derive(Debug)]
pub struct Issuers {
    entries: Vec<Arc<Issuer>>,
    by_name: HashMap<Arc<str>, usize>,
    with_tenants: TenantIssuers,
    /// Not in the entries: a cached token keeps its entry, and must not keep the entry's refresher.
    _leases: Vec<KeyLease>,
}

impl Issuers {
    /// Each entry, and a lease on its key store. If two entries have the same name, the first one keeps it.
    pub fn new(entries: Vec<(Arc<Issuer>, KeyLease)>) -> Issuers {
        let (entries, leases): (Vec<Arc<Issuer>>, _) = entries.into_iter().unzip();
        let mut by_name = HashMap::new();
        let mut with_tenants = TenantIssuers::default();
        for (position, entry) in entries.iter().enumerate() {
            for name in &entry.names {
                by_name.entry(name.clone()).or_insert(position);
                if let Some(tenants) = &entry.tenants {
                    with_tenants.add(name, position, tenants);
                }
            }
        }
        Issuers {
            entries,
            by_name,
            with_tenants,
            _leases: leases,
        }
    }

    /// The entry of a configured name.
    pub fn find(&self, name: &str) -> Option<FoundIssuer<'_>> {
        let (name, position) = self.by_name.get_key_value(name)?;
        Some((name, self.entries.get(*position)?))
    }

    /// The entry of a token with these claims, by its `iss`, compared character by character, and the name as configured.
    ///
    /// # Errors
    /// [`TenantError`] if an entry has a placeholder for the tenant, and does not accept this one.
    pub fn of_token(&self, claims: &Claims) -> Result<Option<FoundIssuer<'_>>, TenantError> {
        let Some(issuer) = claims.issuer() else {
            return Ok(None);
        };
        // A name with a placeholder is no `iss`.
        if let Some(found) = self.find(issuer).filter(|_| !issuer.contains('{')) {
            return Ok(Some(found));
        }
        let Some(found) = self.with_tenants.find(issuer, claims) else {
            return Ok(None);
        };
        found.judged?;
        let entry = self.entries.get(found.position);
        Ok(entry.map(|entry| (found.name, entry)))
    }

    /// Whether that entry is one of these, and not one of another configuration.
    pub(crate) fn are_in_force(&self, name: &str, issuer: &Arc<Issuer>) -> bool {
        // Few pointers are compared faster than one name is hashed.
        if self.entries.len() <= 16 {
            return self.entries.iter().any(|entry| Arc::ptr_eq(entry, issuer));
        }
        self.find(name)
            .is_some_and(|(_, entry)| Arc::ptr_eq(entry, issuer))
    }

    /// The configured issuer that differs from this one only by a final `/`.
    pub fn near_miss(&self, issuer: &str) -> Option<&Arc<str>> {
        let other = issuer
            .strip_suffix('/')
            .map_or_else(|| format!("{issuer}/"), str::to_owned);
        let exact = self.by_name.get_key_value(other.as_str());
        exact
            .map(|(name, _)| name)
            .or_else(|| self.with_tenants.name_of(&other))
    }

    /// Every entry, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.entries.iter()
    }
}

impl Issuer {
    /// Whether both entries accept the same tokens, by the same key store, and set the same headers. A cached token that
    /// one of them verified counts for the other.
    pub fn is_same_as(&self, other: &Issuer) -> bool {
        let Issuer {
            names,
            requirements,
            keys,
            claim_headers,
            payload_header,
            startup,
            tenants,
        } = self;
        *names == other.names
            && *requirements == other.requirements
            && Arc::ptr_eq(keys, &other.keys)
            && *claim_headers == other.claim_headers
            && *payload_header == other.payload_header
            && *startup == other.startup
            && *tenants == other.tenants
    }

    /// Whether readiness waits for its keys.
    pub fn is_required(&self) -> bool {
        self.startup == Startup::WaitsForKeys
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({:?})", self.names)
    }
}
