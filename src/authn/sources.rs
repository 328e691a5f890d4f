//! Where in a request a token may lie: exactly one, none, or why not.

use crate::authn::error::Error;
use crate::authn::{cookies, query};
use crate::request::{Headers, Request};
use crate::token;
use crate::token::bearer::BearerToken;

/// A place in a request that may carry a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A header whose value is a scheme and the token (RFC 6750 section 2.1).
    Scheme {
        /// The header, in lower case.
        header: String,
        /// The scheme, compared without case.
        scheme: String,
    },
    /// A header whose value is the token.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A query parameter (RFC 6750 section 2.3).
    Query(String),
}

/// The places that may carry a token.
#[derive(Clone, Debug)]
pub struct TokenSources(Vec<TokenSource>);

/// A token, and where it was found.
#[derive(Debug)]
pub struct Credential<'r, 's> {
    /// The token.
    pub bearer: BearerToken<'r>,
    /// Each place that carries it.
    pub places: Vec<&'s TokenSource>,
}

impl Default for TokenSources {
    /// `Authorization: Bearer`
    fn default() -> TokenSources {
        TokenSources(vec![TokenSource::Scheme {
            header: "authorization".into(),
            scheme: "Bearer".into(),
        }])
    }
}

impl TokenSources {
    /// These places.
    pub fn new(sources: Vec<TokenSource>) -> TokenSources {
        TokenSources(sources)
    }

    /// Each place.
    pub fn into_inner(self) -> Vec<TokenSource> {
        self.0
    }

    /// The place that is looked at first.
    pub fn first(&self) -> Option<&TokenSource> {
        self.0.first()
    }

    /// The token of a request; `None` if it carries none.
    ///
    /// # Errors
    /// [`Error::SeveralCredentials`], or that the token is malformed.
    pub fn extract<'r>(&self, request: &Request<'r>) -> Result<Option<Credential<'r, '_>>, Error> {
        let mut found: Option<(&'r [u8], Vec<&TokenSource>)> = None;
        for source in &self.0 {
            for token in source.tokens(request)? {
                match &mut found {
                    None => found = Some((token, vec![source])),
                    // The same token from several places is one token.
                    Some((first, places)) if *first == token => {
                        if places.last() != Some(&source) {
                            places.push(source);
                        }
                    }
                    Some(_) => return Err(Error::SeveralCredentials),
                }
            }
        }
        let Some((token, places)) = found else {
            return Ok(None);
        };
        let bearer = BearerToken::new(token)
            .map_err(|_| Error::Token(token::error::TokenError::Malformed))?;
        Ok(Some(Credential { bearer, places }))
    }
}

impl TokenSource {
    /// The header, in lower case, if it is one.
    pub fn header(&self) -> Option<&str> {
        match self {
            TokenSource::Scheme { header, .. } | TokenSource::Header(header) => Some(header),
            TokenSource::Cookie(_) | TokenSource::Query(_) => None,
        }
    }

    fn tokens<'r>(&self, request: &Request<'r>) -> Result<Vec<&'r [u8]>, Error> {
        match self {
            TokenSource::Scheme { header, scheme } => {
                after_scheme_in(header, scheme, &request.headers)
            }
            TokenSource::Header(header) => whole_header(header, &request.headers),
            TokenSource::Cookie(name) => Ok(cookies::values(name, &request.headers)),
            TokenSource::Query(name) => Ok(query::values(name, request.path)
                .map(str::as_bytes)
                .collect()),
        }
    }
}

fn after_scheme_in<'r>(
    header: &str,
    scheme: &str,
    headers: &Headers<'r>,
) -> Result<Vec<&'r [u8]>, Error> {
    let Some(value) = only_value(header, headers)? else {
        return Ok(Vec::new());
    };
    // Envoy joins repeated headers by a comma.
    let is_list = value.contains(&b',');
    if is_list
        && value
            .split(|byte| *byte == b',')
            .any(|part| after_scheme(trimmed(part), scheme).is_some())
    {
        return Err(Error::SeveralCredentials);
    }
    Ok(after_scheme(value, scheme)
        .filter(|token| !token.is_empty())
        .into_iter()
        .collect())
}

fn whole_header<'r>(header: &str, headers: &Headers<'r>) -> Result<Vec<&'r [u8]>, Error> {
    let value = only_value(header, headers)?.filter(|value| !value.is_empty());
    if value.is_some_and(|value| value.contains(&b',')) {
        return Err(Error::SeveralCredentials);
    }
    Ok(value.into_iter().collect())
}

/// Two entries are two credentials even where both say the same: servers differ on which one counts.
fn only_value<'r>(header: &str, headers: &Headers<'r>) -> Result<Option<&'r [u8]>, Error> {
    let mut values = headers.all(header);
    let value = values.next();
    if values.next().is_some() {
        Err(Error::SeveralCredentials)
    } else {
        Ok(value.map(trimmed))
    }
}

/// What follows the scheme and its spaces; `None` for another scheme.
fn after_scheme<'r>(value: &'r [u8], scheme: &str) -> Option<&'r [u8]> {
    let (own, rest) = value.split_at_checked(scheme.len())?;
    if !own.eq_ignore_ascii_case(scheme.as_bytes()) {
        return None;
    }
    match rest.first() {
        None => Some(rest),
        Some(b' ') => Some(trimmed(rest)),
        Some(_) => None,
    }
}

/// Without the spaces and tabs around it.
pub fn trimmed(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value
        .iter()
        .position(|byte| !is_blank(byte))
        .unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|byte| !is_blank(byte))
        .map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
