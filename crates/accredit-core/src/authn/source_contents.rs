//! What each token source of a request has, for explanations (CONTRACT 2.5.6). It contains no content of a token.

use std::fmt;

use crate::authn::extraction_error::AmbiguousCredential;
use crate::authn::sources::TokenSources;
use crate::authn::token_source::TokenSource;
use crate::request::Request;

/// What a token source of a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceContent {
    /// The request has no such header.
    NoHeader,
    /// There is no such cookie or parameter, or its value is not a token.
    NoToken,
    /// This number of tokens, at least 1.
    Tokens(usize),
    Ambiguous(AmbiguousCredential),
}

impl TokenSources {
    /// The sources in their order, and what each has.
    pub fn contents<'s>(&'s self, request: &Request<'_>) -> Vec<(&'s TokenSource, SourceContent)> {
        self.iter()
            .map(|source| (source, SourceContent::of(source, request)))
            .collect()
    }
}

impl SourceContent {
    fn of(source: &TokenSource, request: &Request<'_>) -> SourceContent {
        let is_there = |name| request.headers.all(name).next().is_some();
        let tokens = match source.tokens(request) {
            Ok(tokens) => tokens.count(),
            Err(error) => return SourceContent::Ambiguous(error),
        };
        match tokens {
            0 if source.header().is_some_and(|name| !is_there(name)) => SourceContent::NoHeader,
            0 => SourceContent::NoToken,
            tokens => SourceContent::Tokens(tokens),
        }
    }
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenSource::Scheme { header, scheme } => {
                write!(f, "the header {header} with the scheme {scheme}")
            }
            TokenSource::Header(name) => write!(f, "the header {name}"),
            TokenSource::Protocol(protocol) => {
                write!(f, "sec-websocket-protocol after {protocol:?}")
            }
            TokenSource::Cookie(name) => write!(f, "the cookie {name:?}"),
            TokenSource::Query(name) => write!(f, "the query parameter {name:?}"),
        }
    }
}

impl fmt::Display for SourceContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceContent::NoHeader => f.write_str("absent"),
            SourceContent::NoToken => f.write_str("no token"),
            SourceContent::Tokens(1) => f.write_str("a token"),
            SourceContent::Tokens(count) => write!(f, "{count} tokens"),
            SourceContent::Ambiguous(error) => error.fmt(f),
        }
    }
}
