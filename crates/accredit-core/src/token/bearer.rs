//! The text that a client sent as its token. It is a secret, and nothing in it is verified.

use std::fmt;

use aws_lc_rs::digest;

use crate::token::malformed::MalformedToken;

/// The default of `max_token_size`, in bytes.
pub const DEFAULT_MAX_TOKEN_SIZE: usize = 16 * 1024;

/// The maximum of `max_token_size`, in bytes.
pub const MAX_TOKEN_SIZE: usize = 64 * 1024;

/// The text of a bearer token (RFC 6750). It cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'a>(&'a str);

/// The SHA-256 of a token's text: the key of the token cache.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl<'a> BearerToken<'a> {
    /// # Errors
    /// [`MalformedToken`] if the text is longer than `max_size` bytes, or not ASCII.
    pub fn new(bytes: &'a [u8], max_size: usize) -> Result<BearerToken<'a>, MalformedToken> {
        let size = bytes.len();
        if size > max_size {
            let limit = max_size;
            return Err(MalformedToken::TooLong { size, limit });
        }
        let text = std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.is_ascii());
        text.map(BearerToken).ok_or_else(|| {
            let at = bytes.iter().position(|byte| !byte.is_ascii());
            MalformedToken::NotAscii(at.unwrap_or_default())
        })
    }

    pub fn expose(&self) -> &'a str {
        self.0
    }

    pub fn fingerprint(&self) -> Fingerprint {
        let mut fingerprint = [0; 32];
        let digest = digest::digest(&digest::SHA256, self.0.as_bytes());
        fingerprint
            .iter_mut()
            .zip(digest.as_ref())
            .for_each(|(to, from)| *to = *from);
        Fingerprint(fingerprint)
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}
