//! A JWK Set (RFC 7517 section 5), parsed as a whole and never edited.

use std::sync::Arc;

use crate::jose::algorithm::Algorithm;
use crate::jose::json::value::JsonValue;
use crate::jose::json::{Duplicates, JsonDocument};
use crate::jose::jwk::{self, Unusable};
use crate::jose::key::{PrivatePart, VerificationKey};
use crate::keys::error::KeySetError;
use crate::keys::set_aside::SetAside;

/// The maximum number of keys that are tried for one token (CONTRACT 5.2.2).
pub const MAX_CANDIDATES: usize = 16;

/// How many keys an error names. The issuer decides how many there are.
const MAX_NAMED_KEYS: usize = 8;

/// The keys of an issuer entry, as one answer of its key server had them.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    set_aside: Vec<SetAside>,
    text: Option<Arc<[u8]>>,
}

/// A key that can verify tokens.
#[derive(Debug)]
pub struct Key {
    pub key_id: Option<Box<str>>,
    pub key: VerificationKey,
}

/// Whether a key set has a token's `kid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyIdStanding {
    /// The token has no `kid`.
    Absent,
    /// A key of the set has it, usable or set aside.
    Held,
    /// No key of the set has it.
    Unknown,
}

impl KeySet {
    /// Reads a key set. A bad key does not affect the other keys; it is set aside (CONTRACT 5.7.2).
    ///
    /// # Errors
    /// [`KeySetError`] if the text as a whole is not a key set that can verify tokens.
    pub fn parse(text: &[u8]) -> Result<KeySet, KeySetError> {
        let document = JsonDocument::parse(text, Duplicates::Mark).map_err(KeySetError::NotJson)?;
        let object = document.object().ok_or(KeySetError::NoKeys)?;
        let members = object
            .get("keys")
            .and_then(JsonValue::as_array)
            .ok_or(KeySetError::NoKeys)?;
        let others = object.iter().filter(|(name, _)| *name != "keys");
        if document.root().names_a_member_twice()
            || others
                .map(|(_, value)| value)
                .any(JsonValue::has_duplicates)
        {
            return Err(KeySetError::DuplicateMember);
        }
        let mut set = KeySet {
            keys: Vec::new(),
            set_aside: Vec::new(),
            text: None,
        };
        for member in members {
            set.add(member);
        }
        if set.keys.is_empty() && !members.is_empty() {
            let more = set.set_aside.len().saturating_sub(MAX_NAMED_KEYS);
            set.set_aside.truncate(MAX_NAMED_KEYS);
            return Err(KeySetError::NoUsableKey {
                keys: set.set_aside,
                more,
            });
        }
        Ok(set)
    }

    fn add(&mut self, member: JsonValue<'_>) {
        let key_id = member
            .as_object()
            .and_then(|jwk| jwk::key_id(jwk).ok().flatten())
            .map(Box::from);
        match read_key(member) {
            Ok(key) => self.keys.push(Key { key_id, key }),
            Err(reason) => self.set_aside.push(SetAside { key_id, reason }),
        }
    }

    /// The set with the text that it was parsed from, to be saved.
    #[must_use]
    pub fn with_text(self, text: &[u8]) -> KeySet {
        KeySet {
            text: Some(text.into()),
            ..self
        }
    }

    /// The text that it was parsed from, if it was kept.
    pub fn text(&self) -> Option<&Arc<[u8]>> {
        self.text.as_ref()
    }

    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The keys that cannot verify tokens.
    pub fn set_aside(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// The number of usable keys whose private part the set contains.
    pub fn published_private_keys(&self) -> usize {
        let parts = self.keys.iter().map(|key| key.key.private_part());
        parts.filter(|part| *part == PrivatePart::Published).count()
    }

    /// Whether the set has the `kid` of a token.
    pub(crate) fn standing(&self, key_id: Option<&str>) -> KeyIdStanding {
        let Some(key_id) = key_id else {
            return KeyIdStanding::Absent;
        };
        let usable = self.keys.iter().map(|key| key.key_id.as_deref());
        let unused = self.set_aside.iter().map(|key| key.key_id.as_deref());
        if usable.chain(unused).any(|own| own == Some(key_id)) {
            KeyIdStanding::Held
        } else {
            KeyIdStanding::Unknown
        }
    }

    /// The keys to try on a token: the first [`MAX_CANDIDATES`] that fit.
    pub(crate) fn candidates<'a>(
        &'a self,
        key_id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a Key> {
        self.fitting(key_id, algorithm).take(MAX_CANDIDATES)
    }

    /// How many keys fit a token and are not tried (CONTRACT 5.2.2).
    pub fn untried(&self, key_id: Option<&str>, algorithm: Algorithm) -> usize {
        self.fitting(key_id, algorithm).skip(MAX_CANDIDATES).count()
    }

    /// The keys that fit a token: those with its `kid`, then those without a `kid`. All keys, if the token has no `kid`.
    fn fitting<'a>(
        &'a self,
        key_id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a Key> {
        let bears = move |key: &&Key| key_id.is_none() || key.key_id.as_deref() == key_id;
        let bears_none = move |key: &&Key| key_id.is_some() && key.key_id.is_none();
        let named = self.keys.iter().filter(bears);
        let nameless = self.keys.iter().filter(bears_none);
        named
            .chain(nameless)
            .filter(move |key| key.key.fits(algorithm))
    }

    /// Whether both sets verify the same tokens.
    pub fn judges_as(&self, other: &KeySet) -> bool {
        let keys = |set: &KeySet| {
            set.keys
                .iter()
                .map(|key| (key.key_id.clone(), *key.key.identity()))
                .collect::<Vec<_>>()
        };
        keys(self) == keys(other) && self.set_aside == other.set_aside
    }
}

fn read_key(member: JsonValue<'_>) -> Result<VerificationKey, Unusable> {
    let jwk = member.as_object().ok_or(Unusable::NotAnObject)?;
    if member.has_duplicates() {
        return Err(Unusable::DuplicateMember);
    }
    jwk::key_id(jwk)?;
    VerificationKey::from_jwk(jwk)
}

#[cfg(test)]
mod tests;
