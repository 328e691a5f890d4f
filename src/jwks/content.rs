//! Parses a fetched text as a key set, and recognises other documents that servers often send in its place.

use accredit_core::jose::json::value::JsonValue;
use accredit_core::jose::json::{Duplicates, JsonDocument};
use accredit_core::keys::error::KeySetError;
use accredit_core::keys::key_set::KeySet;
use accredit_core::keys::source::{KeyAddress, Transport};

use crate::jwks::error::ContentError;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Byte-order marks of UTF-8 and UTF-16.
const BYTE_ORDER_MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe"];

/// Parses a key set.
///
/// # Errors
/// [`ContentError`]
pub(in crate::jwks) fn parse_key_set(text: &[u8]) -> Result<KeySet, ContentError> {
    require_json(text)?;
    KeySet::parse(text).map_err(|error| {
        let metadata = match error {
            KeySetError::NoKeys => as_metadata(text),
            _ => None,
        };
        metadata.unwrap_or(ContentError::KeySet(error))
    })
}

/// Refuses a text that is recognisably not JSON. The JSON parser finds other faults.
///
/// # Errors
/// [`ContentError`]
pub(in crate::jwks) fn require_json(text: &[u8]) -> Result<(), ContentError> {
    if BYTE_ORDER_MARKS.iter().any(|mark| text.starts_with(mark)) {
        return Err(ContentError::ByteOrderMark);
    }
    if text.starts_with(&GZIP_MAGIC) {
        return Err(ContentError::Compressed);
    }
    match text.trim_ascii_start().first() {
        None => Err(ContentError::Empty),
        Some(b'<') => Err(ContentError::Page),
        Some(_) => Ok(()),
    }
}

fn as_metadata(text: &[u8]) -> Option<ContentError> {
    let document = JsonDocument::parse(text, Duplicates::Mark).ok()?;
    let object = document.object()?;
    let jwks_uri = object.get("jwks_uri").and_then(JsonValue::as_str);
    let is_metadata = object.get("issuer").is_some()
        && (jwks_uri.is_some() || object.get("token_endpoint").is_some());
    is_metadata.then(|| ContentError::Metadata {
        jwks_uri: jwks_uri
            .and_then(|jwks_uri| KeyAddress::parse(jwks_uri, Transport::HttpToo).ok())
            .map(|address| address.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::{ContentError, KeySetError, parse_key_set};

    #[test]
    fn documents_often_served_instead_of_a_key_set_are_named_in_the_error() {
        let metadata = |jwks_uri: Option<&str>| ContentError::Metadata {
            jwks_uri: jwks_uri.map(str::to_owned),
        };
        let no_keys = || ContentError::KeySet(KeySetError::NoKeys);
        for (text, error) in [
            (&b"\xef\xbb\xbf{\"keys\":[]}"[..], ContentError::ByteOrderMark),
            (b"\xff\xfe{\0", ContentError::ByteOrderMark),
            (b"", ContentError::Empty),
            (b" \r\n", ContentError::Empty),
            (b"\n<!DOCTYPE html>", ContentError::Page),
            (b"\x1f\x8b\x08\0", ContentError::Compressed),
            (
                br#"{"issuer":"https://a.example","jwks_uri":"https://u:secret@a.example/k?secret"}"#,
                metadata(Some("https://a.example/k")),
            ),
            (
                br#"{"issuer":"https://a.example","jwks_uri":"/keys"}"#,
                metadata(None),
            ),
            (
                br#"{"issuer":"https://a.example","token_endpoint":"https://a.example/t"}"#,
                metadata(None),
            ),
            (br#"{"issuer":"https://a.example"}"#, no_keys()),
            (b"[]", no_keys()),
        ] {
            assert_eq!(parse_key_set(text).err(), Some(error));
        }
        assert!(parse_key_set(br#" {"keys":[]}"#).is_ok());
    }
}
