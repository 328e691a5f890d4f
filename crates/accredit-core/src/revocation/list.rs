//! A deny list in memory: about 52 bytes for each entry, and the text of its value.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;

use crate::jose::json::value::JsonKind;
use crate::revocation::entry::{DenyListEntry, RevokedBy, RevokingEntry};
use crate::token::claims::Claims;
use crate::token::numeric_date::NumericDate;

/// An immutable deny list.
pub struct DenyList {
    /// No other list of the process has it.
    generation: u64,
    issuers: Vec<Box<str>>,
    entries: Vec<StoredEntry>,
    /// The values of all entries, one after the other.
    values: String,
    /// The hash of each entry, in ascending order, and the entry's place in `entries`.
    index: Vec<(u32, u32)>,
    /// The position in `index` at which the hashes of each prefix begin, and at the end the length of `index`. There
    /// are about as many prefixes as entries, so that a lookup reads one position here and one place in `index`. A
    /// binary search would read twenty places, far from each other.
    starts: Vec<u32>,
    hasher: RandomState,
    /// The properties that at least one entry names.
    named: Vec<RevokedBy>,
}

/// Collects the entries of a list.
#[derive(Default)]
pub struct DenyListBuilder {
    issuers: HashMap<Box<str>, u32>,
    entries: Vec<StoredEntry>,
    values: String,
}

/// The list has more entries or longer values than fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deny list is too large")]
pub struct DenyListTooLarge;

/// The properties of a token that a list can name.
#[derive(Clone, Copy)]
pub struct RevocableToken<'a> {
    pub issuer: &'a str,
    pub claims: &'a Claims,
    pub key_id: Option<&'a str>,
}

/// Whether a deny list names a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyListMatch {
    Revoked(RevokingEntry),
    /// Every entry that names the token has ended. An entry applies again if the clock is set back before its end.
    Ended,
    NotNamed,
}

#[derive(Clone, Copy)]
struct StoredEntry {
    issued_before: f64,
    until: f64,
    issuer: u32,
    value_start: u32,
    value_length: u32,
    line: u32,
    by: RevokedBy,
}

// === impl DenyListBuilder ===

impl DenyListBuilder {
    /// # Errors
    /// [`DenyListTooLarge`]
    pub fn push(&mut self, entry: &DenyListEntry<'_>) -> Result<(), DenyListTooLarge> {
        let offset = |size: usize| u32::try_from(size).map_err(|_| DenyListTooLarge);
        offset(self.entries.len())?;
        let issuer = match self.issuers.get(entry.issuer) {
            Some(issuer) => *issuer,
            None => {
                let next = offset(self.issuers.len())?;
                self.issuers.insert(entry.issuer.into(), next);
                next
            }
        };
        let value_start = offset(self.values.len())?;
        let value_length = offset(entry.value.len())?;
        self.values.push_str(entry.value);
        let seconds = |date: Option<NumericDate>| date.map_or(f64::INFINITY, NumericDate::seconds);
        self.entries.push(StoredEntry {
            issued_before: seconds(entry.issued_before),
            until: seconds(entry.until),
            issuer,
            value_start,
            value_length,
            line: entry.line,
            by: entry.by,
        });
        Ok(())
    }

    pub fn build(self) -> DenyList {
        static NEXT_GENERATION: AtomicU64 = AtomicU64::new(1);
        let mut issuers: Vec<(Box<str>, u32)> = self.issuers.into_iter().collect();
        issuers.sort_by_key(|(_, number)| *number);
        let named = RevokedBy::ALL.into_iter();
        let mut list = DenyList {
            generation: NEXT_GENERATION.fetch_add(1, Ordering::Relaxed),
            issuers: issuers.into_iter().map(|(name, _)| name).collect(),
            named: named
                .filter(|by| self.entries.iter().any(|entry| entry.by == *by))
                .collect(),
            entries: self.entries,
            values: self.values,
            index: Vec::new(),
            starts: Vec::new(),
            hasher: RandomState::default(),
        };
        list.entries.shrink_to_fit();
        list.values.shrink_to_fit();
        let places = 0..u32::try_from(list.entries.len()).unwrap_or(u32::MAX);
        let hashed = list.entries.iter().zip(places).map(|(entry, place)| {
            let issuer = list.issuer_of(entry);
            (list.hash(issuer, entry.by, list.value_of(entry)), place)
        });
        let mut index: Vec<(u32, u32)> = hashed.collect();
        index.sort_unstable();
        list.starts = starts(&index);
        list.index = index;
        list
    }
}

/// The most prefixes of hashes.
const MAX_PREFIX_BITS: u32 = 24;

fn prefix_bits(entries: usize) -> u32 {
    entries.checked_ilog2().unwrap_or(0).min(MAX_PREFIX_BITS)
}

/// The first bits of a hash.
fn prefix(hash: u32, bits: u32) -> usize {
    (u64::from(hash) >> (u32::BITS - bits)) as usize
}

/// [`DenyList::starts`] of a sorted index.
fn starts(index: &[(u32, u32)]) -> Vec<u32> {
    let bits = prefix_bits(index.len());
    let mut rest = index.iter().zip(0_u32..).peekable();
    let mut starts: Vec<u32> = (0..1_usize << bits)
        .map(|own| {
            while rest
                .next_if(|((hash, _), _)| prefix(*hash, bits) < own)
                .is_some()
            {}
            rest.peek().map_or(index.len() as u32, |(_, place)| *place)
        })
        .collect();
    starts.push(index.len() as u32);
    starts
}

// === impl DenyList ===

impl DenyList {
    /// Whether the list names this token at `now`.
    pub fn look_up(&self, token: &RevocableToken<'_>, now: NumericDate) -> DenyListMatch {
        let mut has_ended_entry = false;
        for by in &self.named {
            let Some(value) = token.property(*by) else {
                continue;
            };
            for entry in self.entries_of(token.issuer, *by, value) {
                if !entry.names(token.claims) {
                    continue;
                }
                if now.seconds() < entry.until {
                    return DenyListMatch::Revoked(RevokingEntry {
                        line: entry.line,
                        by: entry.by,
                    });
                }
                has_ended_entry = true;
            }
        }
        match has_ended_entry {
            true => DenyListMatch::Ended,
            false => DenyListMatch::NotNamed,
        }
    }

    /// A number that no other list of the process has.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The issuers that entries name, each once.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.issuers.iter().map(|issuer| &**issuer)
    }

    fn entries_of<'a>(
        &'a self,
        issuer: &'a str,
        by: RevokedBy,
        value: &'a str,
    ) -> impl Iterator<Item = &'a StoredEntry> {
        let hash = self.hash(issuer, by, value);
        self.candidates(hash)
            .iter()
            .filter(move |(own, _)| *own == hash)
            .filter_map(|(_, place)| self.entries.get(*place as usize))
            // Two names can have one hash.
            .filter(move |entry| {
                entry.by == by && self.value_of(entry) == value && self.issuer_of(entry) == issuer
            })
    }

    /// The part of the index in which every entry with this hash is.
    fn candidates(&self, hash: u32) -> &[(u32, u32)] {
        let first = prefix(hash, prefix_bits(self.index.len()));
        let bounds = (self.starts.get(first), self.starts.get(first + 1));
        let found = match bounds {
            (Some(start), Some(end)) => self.index.get(*start as usize..*end as usize),
            _ => None,
        };
        // The bounds always exist. Without them, every entry would be compared, so that none is missed.
        found.unwrap_or(&self.index)
    }

    fn hash(&self, issuer: &str, by: RevokedBy, value: &str) -> u32 {
        // The upper half: a hash of 32 bits halves the size of the index.
        (self.hasher.hash_one((by, issuer, value)) >> 32) as u32
    }

    fn issuer_of(&self, entry: &StoredEntry) -> &str {
        self.issuers
            .get(entry.issuer as usize)
            .map_or("", |issuer| issuer)
    }

    fn value_of(&self, entry: &StoredEntry) -> &str {
        let start = entry.value_start as usize;
        let end = start + entry.value_length as usize;
        self.values.get(start..end).unwrap_or_default()
    }
}

impl StoredEntry {
    /// Whether the entry names a token with these claims until it ends.
    fn names(&self, claims: &Claims) -> bool {
        match claims.date("iat") {
            Ok(Some(issued)) => issued.seconds() < self.issued_before,
            // A token without `iat` cannot be shown to be newer.
            Ok(None) | Err(_) => true,
        }
    }
}

impl<'a> RevocableToken<'a> {
    /// The value of a property as text. An issuer that writes an identifier as a number means its digits.
    fn property(&self, by: RevokedBy) -> Option<&'a str> {
        if by == RevokedBy::KeyId {
            return self.key_id;
        }
        let value = self.claims.object().get_non_null(by.as_str())?;
        match value.kind() {
            JsonKind::String(text) => Some(text),
            JsonKind::Number => Some(value.raw()),
            JsonKind::Null | JsonKind::Bool(_) | JsonKind::Array(_) | JsonKind::Object(_) => None,
        }
    }
}

impl fmt::Debug for DenyList {
    /// Shows no entry: they have claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DenyList({} entries)", self.entries.len())
    }
}

#[cfg(test)]
mod tests;
