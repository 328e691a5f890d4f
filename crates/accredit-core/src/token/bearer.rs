//! The text that a client sent as its token. It is a secret, and nothing in it is verified.

use std::fmt;

use crate::token::malformed::MalformedToken;

/// The default of `max_token_size`, in bytes.
pub const DEFAULT_MAX_TOKEN_SIZE: usize = 16 * 1024;

/// The maximum of `max_token_size`, in bytes.
pub const MAX_TOKEN_SIZE: usize = 64 * 1024;

/// The text of a bearer token (RFC 6750). It cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'a>(&'a str);

impl<'a> BearerToken<'a> {
    /// # Errors
    /// [`MalformedToken`] if the text is longer than `max_size` bytes, or not ASCII.
    pub fn new(bytes: &'a [u8], max_size: usize) -> Result<BearerToken<'a>, MalformedToken> {
        let size = bytes.len();
        if size > max_size {
            let limit = max_size;
            return Err(MalformedToken::TooLong { size, limit });
        }
        let at = || bytes.iter().position(|byte| !byte.is_ascii());
        let not_ascii = || MalformedToken::NotAscii(at().unwrap_or_default());
        if !bytes.is_ascii() {
            return Err(not_ascii());
        }
        std::str::from_utf8(bytes)
            .map(BearerToken)
            .map_err(|_| not_ascii())
    }

    pub fn expose(&self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}
