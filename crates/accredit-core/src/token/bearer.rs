//! The text that a client sent as its token. It is a secret, and nothing in it is verified.

use std::fmt;

use crate::token::malformed::MalformedToken;

/// The default of `max_token_size`, in bytes.
pub const DEFAULT_MAX_TOKEN_SIZE: usize = 16 * 1024;

/// The maximum of `max_token_size`, in bytes.
pub const MAX_TOKEN_SIZE: usize = 64 * 1024;

/// The text of a bearer token (RFC 6750), which is ASCII. It cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'a>(&'a [u8]);

impl<'a> BearerToken<'a> {
    /// # Errors
    /// [`MalformedToken`] if the text is longer than `max_size` bytes, or not ASCII.
    pub fn new(bytes: &'a [u8], max_size: usize) -> Result<BearerToken<'a>, MalformedToken> {
        let size = bytes.len();
        if size > max_size {
            let limit = max_size;
            return Err(MalformedToken::TooLong { size, limit });
        }
        if bytes.is_ascii() {
            return Ok(BearerToken(bytes));
        }
        let at = bytes.iter().position(|byte| !byte.is_ascii());
        Err(MalformedToken::NotAscii(at.unwrap_or_default()))
    }

    pub fn expose(&self) -> &'a [u8] {
        self.0
    }

    /// The token as text. A token that is found in the cache by its bytes is not looked at again for this.
    pub fn expose_text(&self) -> &'a str {
        // ASCII is always text.
        std::str::from_utf8(self.0).unwrap_or_default()
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}
