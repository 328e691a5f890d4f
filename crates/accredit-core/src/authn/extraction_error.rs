//! Why no token can be taken from a request.

use crate::token::malformed::MalformedToken;

/// Why the credential of a request could be interpreted in more than one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousCredential {
    #[error("the token sources carry different tokens")]
    SeveralTokens,
    #[error("the header of a token source is present several times")]
    SeveralValues,
    #[error("the header of a token source has a comma, as if several headers had been joined")]
    JoinedValues,
    #[error("the scheme is followed by a character other than a space, which some servers accept")]
    BadSchemeEnd,
    #[error(
        "the header of a token source has a byte that is neither visible ASCII nor a space or tab"
    )]
    BadByte,
    #[error(
        "a header, cookie or query parameter that some servers read as a token source has a value that some servers read \
         as a JWT"
    )]
    HiddenToken,
    #[error(
        "the token cannot be removed from the query: the request target has bytes that an answer to Envoy cannot express"
    )]
    UnremovableToken,
}

/// Why no token can be taken from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtractionError {
    #[error(transparent)]
    Ambiguous(#[from] AmbiguousCredential),
    #[error("{0}")]
    NotAToken(#[source] MalformedToken),
}
