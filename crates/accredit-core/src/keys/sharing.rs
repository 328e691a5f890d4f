//! Which issuer entries with one source may use each other's key sets.
//!
//! A configuration has one entry for an issuer. Two entries for the same issuers exist only while a reload replaces one by the other,
//! and the one that fetched last decides for both, whatever the credentials of each. If the server gives each credential other
//! keys, the two entries replace each other's set until the old configuration ends; a token whose key is then missing starts a fetch
//! with the credentials of its entry. A set that was fetched with the own credentials is not protected against that: a withdrawal
//! that only the other entry has seen would be ignored, and for up to `max_stale` if the own fetches fail.

use std::sync::Arc;

use crate::keys::access::KeyAccess;

/// The issuers of an entry, and the credentials with which its keys are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::keys) struct KeyHolder {
    /// The `iss` values of the entry, sorted.
    pub(in crate::keys) issuers: Vec<Arc<str>>,
    pub(in crate::keys) access: KeyAccess,
}

/// The credentials with which a held key set was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchedWith {
    /// The credentials of the entry that holds the set.
    OwnCredentials,
    /// The credentials of another entry for the same issuers.
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
