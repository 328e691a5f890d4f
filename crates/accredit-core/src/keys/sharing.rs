//! Which issuer entries with one source may use each other's key sets.

use std::sync::Arc;

use crate::keys::access::KeyAccess;

/// Whose tokens the keys of a store verify, and how they are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::keys) struct KeyHolder {
    /// The `iss` values of the entry, sorted.
    pub(in crate::keys) issuers: Vec<Arc<str>>,
    pub(in crate::keys) access: KeyAccess,
}

/// Whose credentials a held key set was fetched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchedWith {
    /// Those of the entry that holds it.
    OwnCredentials,
    /// Those of an entry for the same issuers.
    OtherCredentials,
}

impl KeyHolder {
    /// Whether this entry may use a key set that `other` holds, and whose credentials it was then fetched with. Entries for the
    /// same issuers may: an issuer has one key set, and a key that it withdrew must not verify tokens again because credentials
    /// change (CONTRACT 5.6.1). Entries for other issuers may if their own fetch would bring the same: a server can give each of
    /// its clients other keys, and so another issuer's keys to another client.
    pub(in crate::keys) fn shares(
        &self,
        other: &KeyHolder,
        fetched_with: FetchedWith,
    ) -> Option<FetchedWith> {
        if self.access == other.access && fetched_with == FetchedWith::OwnCredentials {
            Some(FetchedWith::OwnCredentials)
        } else if self.issuers == other.issuers {
            Some(FetchedWith::OtherCredentials)
        } else {
            None
        }
    }
}
