//! The configured issuers, by the exact text of `iss`.

use std::fmt;
use std::sync::Arc;

use crate::authn::issuer_names::IssuerNames;
use crate::authn::tenants::{TenantError, Tenants};
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
    /// Shared with the code that reports entries of a deny list that no issuer entry matches.
    names: Arc<IssuerNames>,
    /// The leases are not in the entries, because a cached token keeps its entry in memory and must not keep the
    /// entry's refresher running.
    _leases: Vec<KeyLease>,
}

impl Issuers {
    /// Each entry, and a lease on its key store. If two entries have the same name, the first one keeps it.
    pub fn new(entries: Vec<(Arc<Issuer>, KeyLease)>) -> Issuers {
        let (entries, leases): (Vec<Arc<Issuer>>, _) = entries.into_iter().unzip();
        let mut names = IssuerNames::default();
        for (position, entry) in entries.iter().enumerate() {
            for name in &entry.names {
                names.add(name, position, entry.tenants.as_ref());
            }
        }
        Issuers {
            entries,
            names: Arc::new(names),
            _leases: leases,
        }
    }

    /// The entry of a configured name.
    pub fn find(&self, name: &str) -> Option<FoundIssuer<'_>> {
        self.entry_of(self.names.find(name)?)
    }

    fn entry_of<'a>(&'a self, found: (&'a Arc<str>, usize)) -> Option<FoundIssuer<'a>> {
        let (name, position) = found;
        Some((name, self.entries.get(position)?))
    }

    /// The `iss` values that the entries accept.
    pub fn names(&self) -> &Arc<IssuerNames> {
        &self.names
    }

    /// The entry of a token with these claims, by its `iss`, compared character by character, and the name as configured.
    ///
    /// # Errors
    /// [`TenantError`] if an entry has a placeholder for the tenant, and does not accept this one.
    pub fn of_token(&self, claims: &Claims) -> Result<Option<FoundIssuer<'_>>, TenantError> {
        let Some(issuer) = claims.issuer() else {
            return Ok(None);
        };
        if let Some(found) = self.names.of_issuer(issuer) {
            return Ok(self.entry_of(found));
        }
        let Some(found) = self.names.of_tenant(issuer, claims) else {
            return Ok(None);
        };
        found.judged?;
        Ok(self.entry_of((found.name, found.position)))
    }

    /// Whether that entry belongs to this configuration.
    pub(crate) fn are_in_force(&self, name: &str, issuer: &Arc<Issuer>) -> bool {
        // Comparing a few pointers is faster than hashing one name.
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
        self.names.name_of(&other)
    }

    /// Every entry, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.entries.iter()
    }
}

impl Issuer {
    /// Whether both entries accept the same tokens, by the same key store, and set the same headers. A cached token
    /// that one of them verified is accepted for the other.
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
