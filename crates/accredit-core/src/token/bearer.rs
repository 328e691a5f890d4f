//! The text that a caller sent as its token: a secret, and not yet anything more.

use std::fmt;

use aws_lc_rs::digest;

/// A token's text is at most this long, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;

/// What was sent as a bearer token (RFC 6750). Its existence proves nothing; it cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'a>(&'a str);

/// The SHA-256 of a token's text: what the text is remembered by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// The text cannot be a token: longer than [`MAX_LENGTH`], or with bytes that no token has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAToken;

impl<'a> BearerToken<'a> {
    /// Takes the bytes as they were sent.
    ///
    /// # Errors
    /// [`NotAToken`] where no further look is worth it.
    pub fn new(bytes: &'a [u8]) -> Result<BearerToken<'a>, NotAToken> {
        if bytes.len() > MAX_LENGTH || !bytes.is_ascii() {
            return Err(NotAToken);
        }
        std::str::from_utf8(bytes)
            .map(BearerToken)
            .map_err(|_| NotAToken)
    }

    /// The text, for those who take it apart.
    pub fn expose(&self) -> &'a str {
        self.0
    }

    /// What the token is remembered by.
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
