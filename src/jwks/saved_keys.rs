//! The format of a saved key set, and whether the set may verify tokens after a restart. The first line is JSON: the
//! owner of the key set, and the time when it was confirmed. The key set follows as it was fetched. The file is bound
//! to the issuers and to the source: keys of another issuer or of another address are never used.

use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit_core::jose::digest::sha256_hex;
use accredit_core::keys::error::KeySetError;
use accredit_core::keys::key_set::KeySet;
use accredit_core::keys::source::{FetchSettings, KeySource};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The version of the file format. Files of another one are not read.
const FORMAT: u32 = 1;

/// The issuer entry whose key set a file contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetOwner {
    issuers: Vec<String>,
    source: String,
    binding: String,
}

/// A confirmed key set that is to be written.
#[derive(Clone, Debug)]
pub struct SavedKeySet {
    pub owner: Arc<KeySetOwner>,
    /// The key set as it was fetched.
    pub text: Arc<[u8]>,
    /// When it was confirmed, by the clock that orders the key sets of this process.
    pub since: Instant,
    /// When it was confirmed, in seconds since 1970. Only a later process reads it, because this clock can be corrected.
    pub confirmed: u64,
}

/// A key set of a file that may verify tokens.
#[derive(Debug)]
pub struct RestoredKeySet {
    pub key_set: KeySet,
    /// How long ago it was confirmed.
    pub age: Duration,
}

/// Why the keys of a file are not used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnusableFile {
    #[error("it is damaged")]
    Damaged,
    #[error("it has the format {0}, and this version reads {FORMAT}")]
    OtherFormat(u32),
    #[error("it belongs to another issuer or to another source")]
    OtherOwner,
    /// One of two clocks is wrong, so that the age is not known.
    #[error("it was written in the future; correct this machine's clock")]
    FromTheFuture,
    #[error("it is {0:?} old, and max_stale is less")]
    TooOld(Duration),
    #[error("it contains no usable key set: {0}")]
    NotAKeySet(#[source] KeySetError),
}

#[derive(Serialize, Deserialize)]
struct FileHead {
    format: u32,
    issuers: Vec<String>,
    source: String,
    binding: String,
    confirmed: u64,
    sha256: String,
}

// === impl KeySetOwner ===

impl KeySetOwner {
    /// The owner of the key set of these issuers and that source. `None` if nothing is fetched over the network.
    pub fn of(
        issuers: &[Arc<str>],
        source: &KeySource,
        settings: &FetchSettings,
    ) -> Option<KeySetOwner> {
        let identity = source.identity()?;
        let mut issuers: Vec<String> = issuers.iter().map(|name| name.to_string()).collect();
        issuers.sort_unstable();
        // Keys that were fetched while other authorities were trusted are those of another source. No name contains a
        // control character, so two owners never give the same text.
        let mut bound = format!("{}\n{identity}\n{:?}", issuers.join("\n"), settings.ca_file);
        if let Some(connect) = &settings.access.connect {
            bound.push_str(&format!("\nconnect {connect}"));
        }
        Some(KeySetOwner {
            issuers,
            source: source.to_string(),
            binding: sha256_hex(&[bound.as_bytes()]),
        })
    }

    /// The name of the owner's file.
    pub fn file_name(&self) -> String {
        format!("{}.jwks", self.binding)
    }

    /// Reads the content of a file. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`UnusableFile`]
    pub fn read(
        &self,
        file: &[u8],
        now: u64,
        max_stale: Duration,
    ) -> Result<RestoredKeySet, UnusableFile> {
        let (head, text) = split(file)?;
        if head.format != FORMAT {
            return Err(UnusableFile::OtherFormat(head.format));
        }
        if head.sha256 != digest(head.confirmed, text) {
            return Err(UnusableFile::Damaged);
        }
        if (&head.issuers, &head.source, &head.binding)
            != (&self.issuers, &self.source, &self.binding)
        {
            return Err(UnusableFile::OtherOwner);
        }
        let age = now
            .checked_sub(head.confirmed)
            .map(Duration::from_secs)
            .ok_or(UnusableFile::FromTheFuture)?;
        let key_set = KeySet::parse(text).map_err(UnusableFile::NotAKeySet)?;
        // An empty set stays the issuer's latest one (CONTRACT 4.8.1), and verifies no token at any age.
        if age >= max_stale && !key_set.keys().is_empty() {
            return Err(UnusableFile::TooOld(age));
        }
        let key_set = key_set.with_text(text);
        Ok(RestoredKeySet { key_set, age })
    }
}

// === impl SavedKeySet ===

impl SavedKeySet {
    pub fn to_file(&self) -> Vec<u8> {
        let head = FileHead {
            format: FORMAT,
            issuers: self.owner.issuers.clone(),
            source: self.owner.source.clone(),
            binding: self.owner.binding.clone(),
            confirmed: self.confirmed,
            sha256: digest(self.confirmed, &self.text),
        };
        // Serializing texts and numbers cannot fail. A file without a head would count as damaged.
        let mut file = serde_json::to_vec(&head).unwrap_or_default();
        file.push(b'\n');
        file.extend_from_slice(&self.text);
        file
    }
}

/// The text of the key set in a file, if there is one.
pub fn key_set_text(file: &[u8]) -> Option<&[u8]> {
    split(file).ok().map(|(_, text)| text)
}

/// The digest covers the time too, so that a changed digit cannot make keys look younger.
fn digest(confirmed: u64, text: &[u8]) -> String {
    sha256_hex(&[confirmed.to_string().as_bytes(), b"\n", text])
}

fn split(file: &[u8]) -> Result<(FileHead, &[u8]), UnusableFile> {
    let end = file.iter().position(|octet| *octet == b'\n');
    let (head, text) = end
        .and_then(|end| file.split_at_checked(end))
        .ok_or(UnusableFile::Damaged)?;
    let head = serde_json::from_slice(head).map_err(|_| UnusableFile::Damaged)?;
    Ok((head, text.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests;
