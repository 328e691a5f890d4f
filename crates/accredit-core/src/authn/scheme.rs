//! Authentication schemes of a header (RFC 9110 section 11.1): `Bearer`, `DPoP`, or as a token source names it.

use crate::authn::header_value::{is_blank, is_token_character, trimmed};
use crate::proof::presentation::CredentialScheme;

/// The scheme of RFC 9449 section 7.1.
pub const DPOP: &str = "DPoP";

/// How a value relates to a scheme.
pub enum SchemeMatch<'r> {
    /// Another scheme.
    Other,
    /// The scheme, and after its spaces the rest, which can be empty.
    Followed(&'r [u8]),
    /// The scheme, directly followed by a character that can neither end it nor be part of a longer scheme. Some
    /// servers read the rest as a token (CONTRACT 4.3.10).
    BadEnd,
}

impl SchemeMatch<'_> {
    /// Reads a value without white space at its ends.
    pub fn read<'r>(value: &'r [u8], scheme: &str) -> SchemeMatch<'r> {
        // Observed: without `encode_raw_headers`, Envoy shows bytes that are not UTF-8 as `!`.
        let hidden = value.iter().take_while(|byte| **byte == b'!').count();
        let shown = value.get(hidden..).unwrap_or_default();
        let Some((_, rest)) = shown
            .split_at_checked(scheme.len())
            .filter(|(own, _)| own.eq_ignore_ascii_case(scheme.as_bytes()))
        else {
            return SchemeMatch::Other;
        };
        match rest.first() {
            None | Some(b' ') if hidden == 0 => SchemeMatch::Followed(trimmed(rest)),
            Some(byte) if *byte != b'!' && is_token_character(*byte) => SchemeMatch::Other,
            _ => SchemeMatch::BadEnd,
        }
    }
}

/// The scheme of a token source that names it itself.
pub fn scheme_of(scheme: &str) -> CredentialScheme {
    if scheme.eq_ignore_ascii_case(DPOP) {
        CredentialScheme::Dpop
    } else {
        CredentialScheme::Bearer
    }
}

/// Whether a careless program would read a token of one of these schemes in the value: a JWT without a scheme, directly
/// behind the scheme, or behind a scheme later in the value. A JWT with another scheme is a credential of its own.
pub fn hides_jwt(value: &[u8], schemes: &[&str], is_jwt: impl Fn(&[u8]) -> bool) -> bool {
    let is_scheme = |word: &[u8]| {
        schemes
            .iter()
            .any(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let follows_scheme = words(value)
        .zip(words(value).skip(1))
        .any(|(before, word)| is_scheme(before) && is_jwt(word));
    let begins_with_it = words(value).take(1).any(|word| {
        let is_behind = |scheme: &&str| {
            word.split_at_checked(scheme.len())
                .is_some_and(|(own, rest)| is_scheme(own) && is_jwt(rest))
        };
        is_jwt(word) || schemes.iter().any(is_behind)
    });
    follows_scheme || begins_with_it
}

/// The words of a header value.
pub fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| is_blank(*byte) || *byte == b',')
        .filter(|word| !word.is_empty())
}
