//! Base64url (RFC 7515 section 2).

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

/// Why a text is not base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Base64UrlError {
    #[error("it ends with the padding character `=`, which a JWT omits")]
    Padded,
    /// `+` or `/`, the characters of the other base64 alphabet.
    #[error("it has `+` or `/`: it is base64, not base64url")]
    PlainBase64,
    /// A character outside the alphabet, at this offset in bytes.
    #[error("it has a character that is not base64url at offset {0}")]
    Character(usize),
    /// A length that no encoder produces, or non-zero bits after the last byte.
    #[error("it is not the encoding of whole bytes; it may be cut off")]
    Incomplete,
}

/// Decodes one part of a token.
///
/// Padding and non-zero trailing bits are errors: otherwise several texts would be the same token.
///
/// # Errors
/// [`Base64UrlError`] says why the text is not the canonical encoding.
pub fn decode(text: &str) -> Result<Vec<u8>, Base64UrlError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| error_in(text))
}

/// Decodes a member of a JWK: padding, line breaks, `+` and `/` are accepted (CONTRACT 5.7.2a).
///
/// Key sets come from the issuer, and real issuers write their numbers in these forms.
///
/// # Errors
/// [`Base64UrlError`] if the text is not base64 in either alphabet.
pub(in crate::jose) fn decode_jwk_member(text: &str) -> Result<Vec<u8>, Base64UrlError> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, PADDING_OPTIONAL);
    const PADDING_OPTIONAL: GeneralPurposeConfig =
        NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let url_safe: String = text
        .chars()
        .filter(|character| !matches!(character, '\r' | '\n'))
        .map(|character| match character {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    LENIENT
        .decode(&url_safe)
        .map_err(|_| error_in(url_safe.trim_end_matches('=')))
}

/// Encodes without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Why the text could not be decoded. Only called after decoding has failed.
fn error_in(text: &str) -> Base64UrlError {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match text.bytes().position(|byte| !is_base64url(byte)) {
        None => Base64UrlError::Incomplete,
        Some(at) => match text.as_bytes().get(at) {
            Some(b'+' | b'/') => Base64UrlError::PlainBase64,
            Some(b'=') if text.bytes().skip(at).all(|byte| byte == b'=') => Base64UrlError::Padded,
            _ => Base64UrlError::Character(at),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Base64UrlError, decode, decode_jwk_member, encode};

    #[test]
    fn a_part_of_a_token_has_exactly_one_encoding() {
        assert_eq!(decode("AQAB"), Ok(vec![1, 0, 1]));
        assert_eq!(decode("_-8"), Ok(vec![0xff, 0xef]));
        assert_eq!(encode(&[0xff, 0xef]), "_-8");
        let cases = [
            ("AQ==", Base64UrlError::Padded),
            ("=", Base64UrlError::Padded),
            ("A=Q", Base64UrlError::Character(1)),
            ("AR", Base64UrlError::Incomplete),
            ("A", Base64UrlError::Incomplete),
            ("AQ\n", Base64UrlError::Character(2)),
            ("A+8", Base64UrlError::PlainBase64),
            ("A/8", Base64UrlError::PlainBase64),
            (" AQ", Base64UrlError::Character(0)),
            ("AQ\u{e9}", Base64UrlError::Character(2)),
        ];
        for (text, error) in cases {
            assert_eq!(decode(text), Err(error), "{text:?}");
        }
    }

    /// CONTRACT 5.7.2a
    #[test]
    fn a_member_of_a_jwk_may_have_padding_line_breaks_and_both_alphabets() {
        for text in ["_-8B", "/+8B", "_-\r\n8B", "/+8\nB\n"] {
            assert_eq!(decode_jwk_member(text), Ok(vec![0xff, 0xef, 1]), "{text:?}");
        }
        for text in ["AQ", "AQ==", "AQ=", "A\nQ=\n="] {
            assert_eq!(decode_jwk_member(text), Ok(vec![1]), "{text:?}");
        }
        for text in ["AR", "A", "A Q", "A!", "AQ==A", "\u{e9}"] {
            assert!(decode_jwk_member(text).is_err(), "{text:?}");
        }
    }
}
