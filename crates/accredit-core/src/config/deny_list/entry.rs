//! From the keys and values of one entry of a deny list to the entry.

use std::time::Duration;

use chrono::DateTime;

use crate::revocation::entry::{DenyListEntry, RevokedBy};
use crate::revocation::list::DenyListTooLarge;
use crate::token::numeric_date::NumericDate;

/// The last second of the year 9999, as for the dates of tokens.
const LATEST: f64 = 253_402_300_799.0;

/// The longest unknown key that an error shows, in characters.
const MAX_SHOWN_KEY: usize = 40;

/// A value of an entry, in either form of the list.
#[derive(Clone, Copy)]
pub enum FieldValue<'a> {
    Text(&'a str),
    Number(f64),
    Other,
}

/// The keys of one entry, each at most once.
#[derive(Default)]
pub struct EntryFields<'a> {
    issuer: Option<&'a str>,
    named: Option<(RevokedBy, &'a str)>,
    issued_before: Option<NumericDate>,
    until: Option<NumericDate>,
}

/// Why an entry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("the entry has no `issuer`")]
    NoIssuer,
    #[error(
        "`issuer` has a placeholder, and an entry names tokens of one issuer; write `iss` as the tokens have it, and an entry \
         for each tenant"
    )]
    Placeholder,
    #[error("the entry has none of `jti`, `sub`, `client_id`, `oid` and `kid`")]
    NamesNothing,
    #[error("the entry has both `{0}` and `{1}`; write one entry for each")]
    NamesTwo(&'static str, &'static str),
    #[error(
        "{0:?} is not a key of an entry; the keys are `issuer`, one of `jti`, `sub`, `client_id`, `oid` and `kid`, \
         `issued_before` and `until`"
    )]
    UnknownKey(String),
    #[error("`{0}` is not a text of at least one character; put a number in quotation marks")]
    NotAText(&'static str),
    #[error("`{0}` begins or ends with white space, and is compared character by character")]
    Spaces(&'static str),
    #[error(
        "`{0}` is not a date; write seconds since 1970, or a text such as \"2026-11-29T08:00:00Z\""
    )]
    NotADate(&'static str),
    #[error(transparent)]
    TooLarge(#[from] DenyListTooLarge),
}

impl<'a> EntryFields<'a> {
    /// # Errors
    /// [`EntryError`]
    pub fn read(
        fields: impl Iterator<Item = (&'a str, FieldValue<'a>)>,
    ) -> Result<EntryFields<'a>, EntryError> {
        let mut read = EntryFields::default();
        for (name, value) in fields {
            match name {
                "issuer" => read.issuer = Some(issuer(value)?),
                "issued_before" => read.issued_before = Some(date("issued_before", value)?),
                "until" => read.until = Some(date("until", value)?),
                _ => {
                    let shown = || name.chars().take(MAX_SHOWN_KEY).collect();
                    let by = RevokedBy::from_name(name)
                        .ok_or_else(|| EntryError::UnknownKey(shown()))?;
                    if let Some((other, _)) = read.named {
                        return Err(EntryError::NamesTwo(other.as_str(), by.as_str()));
                    }
                    read.named = Some((by, text(by.as_str(), value)?));
                }
            }
        }
        Ok(read)
    }

    /// The entry that begins in this line.
    ///
    /// # Errors
    /// [`EntryError`]
    pub fn entry(&self, line: u32) -> Result<DenyListEntry<'a>, EntryError> {
        let (by, value) = self.named.ok_or(EntryError::NamesNothing)?;
        Ok(DenyListEntry {
            issuer: self.issuer.ok_or(EntryError::NoIssuer)?,
            by,
            value,
            issued_before: self.issued_before,
            until: self.until,
            line,
        })
    }
}

/// No accepted `iss` has a brace: a brace in a configured issuer belongs to a placeholder.
fn issuer(value: FieldValue<'_>) -> Result<&str, EntryError> {
    let issuer = text("issuer", value)?;
    if issuer.contains(['{', '}']) {
        return Err(EntryError::Placeholder);
    }
    Ok(issuer)
}

fn text<'a>(name: &'static str, value: FieldValue<'a>) -> Result<&'a str, EntryError> {
    match value {
        FieldValue::Text("") => Err(EntryError::NotAText(name)),
        FieldValue::Text(text) if text.trim() != text => Err(EntryError::Spaces(name)),
        FieldValue::Text(text) => Ok(text),
        FieldValue::Number(_) | FieldValue::Other => Err(EntryError::NotAText(name)),
    }
}

fn date(name: &'static str, value: FieldValue<'_>) -> Result<NumericDate, EntryError> {
    let seconds = match value {
        FieldValue::Number(seconds) => seconds,
        FieldValue::Text(text) => DateTime::parse_from_rfc3339(text)
            .map_err(|_| EntryError::NotADate(name))?
            .timestamp() as f64,
        FieldValue::Other => return Err(EntryError::NotADate(name)),
    };
    if !(0.0..=LATEST).contains(&seconds) {
        return Err(EntryError::NotADate(name));
    }
    Duration::try_from_secs_f64(seconds)
        .map(NumericDate::after_epoch)
        .map_err(|_| EntryError::NotADate(name))
}
