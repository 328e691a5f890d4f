//! The last good key set of one issuer entry as a file: what is in it, and whether it may serve again.
//!
//! One line of JSON says whose the set is and when it was confirmed; the set follows as it came. The file is bound to
//! the issuers and to the source: another issuer's keys, or those of another address, never serve.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::jose::digest::sha256_hex;
use crate::jwks::error::KeySetError;
use crate::jwks::key_set::KeySet;
use crate::jwks::source::{FetchSettings, KeySource};

/// The form of the file; a file of another one is not read.
const FORMAT: u32 = 1;

/// Whose last good keys a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    issuers: Vec<String>,
    source: String,
    binding: String,
}

/// A confirmed key set on its way to its file.
#[derive(Clone, Debug)]
pub struct Record {
    /// Whose it is.
    pub owner: Owner,
    /// The set as it came.
    pub text: Bytes,
    /// When it was confirmed, in seconds since 1970.
    pub confirmed: u64,
}

/// A set that may serve again.
#[derive(Debug)]
pub struct Restored {
    /// The keys.
    pub key_set: KeySet,
    /// How long ago they were confirmed.
    pub age: Duration,
}

/// Why a file's keys may not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is not what was written.
    Damaged,
    /// It is of another version of this service.
    OtherFormat(u32),
    /// It is another issuer's, or comes from another source.
    OtherOwner,
    /// It was written later than now: one of the two clocks is wrong, and its age cannot be known.
    FromTheFuture,
    /// It is older than `max_stale`.
    TooOld(Duration),
    /// Its keys are none to this version of the service.
    NotAKeySet(KeySetError),
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    issuers: Vec<String>,
    source: String,
    binding: String,
    confirmed: u64,
    sha256: String,
}

// === impl Owner ===

impl Owner {
    /// The owner of what is fetched for these issuers from there; none where nothing is fetched.
    pub fn of(issuers: &[Arc<str>], source: &KeySource, fetch: &FetchSettings) -> Option<Owner> {
        let identity = source.identity()?;
        let mut issuers: Vec<String> = issuers.iter().map(|name| name.to_string()).collect();
        issuers.sort_unstable();
        // Keys that were trusted because of other certificate authorities are another source's. No name holds a control
        // character, so no two owners give one text.
        let bound = format!("{}\n{identity}\n{:?}", issuers.join("\n"), fetch.ca_file);
        Some(Owner {
            issuers,
            source: source.to_string(),
            binding: sha256_hex(&[bound.as_bytes()]),
        })
    }

    /// The file's name.
    pub fn file_name(&self) -> String {
        format!("{}.jwks", self.binding)
    }

    /// Reads what a file of that name holds; `now` in seconds since 1970.
    ///
    /// # Errors
    /// [`Unfit`] where it may not serve.
    pub fn read(&self, file: &[u8], now: u64, max_stale: Duration) -> Result<Restored, Unfit> {
        let (head, text) = split(file)?;
        if head.format != FORMAT {
            return Err(Unfit::OtherFormat(head.format));
        }
        if head.sha256 != digest(head.confirmed, text) {
            return Err(Unfit::Damaged);
        }
        if (&head.issuers, &head.source, &head.binding)
            != (&self.issuers, &self.source, &self.binding)
        {
            return Err(Unfit::OtherOwner);
        }
        let age = now
            .checked_sub(head.confirmed)
            .map(Duration::from_secs)
            .ok_or(Unfit::FromTheFuture)?;
        if age >= max_stale {
            return Err(Unfit::TooOld(age));
        }
        let key_set = KeySet::parse(text).map_err(Unfit::NotAKeySet)?;
        Ok(Restored { key_set, age })
    }
}

/// Covers the time too: a digit that a bad disk changes must not make keys younger.
fn digest(confirmed: u64, text: &[u8]) -> String {
    sha256_hex(&[confirmed.to_string().as_bytes(), b"\n", text])
}

/// The key set's text in a file, if there is one.
pub fn set_in(file: &[u8]) -> Option<&[u8]> {
    split(file).ok().map(|(_, text)| text)
}

fn split(file: &[u8]) -> Result<(Head, &[u8]), Unfit> {
    let end = file.iter().position(|byte| *byte == b'\n');
    let (head, text) = end
        .and_then(|end| file.split_at_checked(end))
        .ok_or(Unfit::Damaged)?;
    let head = serde_json::from_slice(head).map_err(|_| Unfit::Damaged)?;
    Ok((head, text.get(1..).unwrap_or_default()))
}

// === impl Record ===

impl Record {
    /// The file's bytes.
    pub fn to_file(&self) -> Vec<u8> {
        let head = Head {
            format: FORMAT,
            issuers: self.owner.issuers.clone(),
            source: self.owner.source.clone(),
            binding: self.owner.binding.clone(),
            confirmed: self.confirmed,
            sha256: digest(self.confirmed, &self.text),
        };
        // Texts and numbers cannot fail to be written; a file without a head would be damaged, and not serve.
        let mut file = serde_json::to_vec(&head).unwrap_or_default();
        file.push(b'\n');
        file.extend_from_slice(&self.text);
        file
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Damaged => f.write_str("it is damaged"),
            Unfit::OtherFormat(format) => {
                write!(f, "it has the format {format}, and this version reads {FORMAT}")
            }
            Unfit::OtherOwner => f.write_str("it is of another issuer or of another source"),
            Unfit::FromTheFuture => f.write_str(
                "it was written later than now, so that its age cannot be known; is the clock right?",
            ),
            Unfit::TooOld(age) => write!(f, "it is {age:?} old, which is more than max_stale"),
            Unfit::NotAKeySet(error) => write!(f, "it holds no usable key set: {error}"),
        }
    }
}

impl std::error::Error for Unfit {}

#[cfg(test)]
mod tests;
