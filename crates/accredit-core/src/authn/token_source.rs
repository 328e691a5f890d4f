//! One part of a request that can carry a token, and the tokens that it carries.

use crate::authn::extraction_error::AmbiguousCredential;
use crate::authn::header_value::{ValueBytes, trimmed};
use crate::authn::jwt_like::resembles_jwt;
use crate::authn::scheme::{DPOP, SchemeMatch, hides_jwt, scheme_of, words};
use crate::authn::{cookies, query, websocket};
use crate::proof::presentation::CredentialScheme;
use crate::request::{Headers, Request};

/// A part of a request that can carry a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A header whose value is a scheme and the token (RFC 6750 section 2.1).
    Scheme {
        /// In lower case.
        header: String,
        /// Compared without case.
        scheme: String,
    },
    /// A header whose value is the token. The name is in lower case.
    Header(String),
    /// `sec-websocket-protocol`, after this protocol.
    Protocol(String),
    /// The cookie with this name.
    Cookie(String),
    /// The query parameter with this name (RFC 6750 section 2.3).
    Query(String),
}

impl TokenSource {
    /// The header in lower case, if the source is one.
    pub fn header(&self) -> Option<&str> {
        match self {
            TokenSource::Scheme { header, .. } | TokenSource::Header(header) => Some(header),
            TokenSource::Protocol(_) => Some(websocket::HEADER),
            TokenSource::Cookie(_) | TokenSource::Query(_) => None,
        }
    }

    /// Whether the header of this source has a JWT beside the token of the request.
    #[inline]
    pub(in crate::authn) fn has_second_token(&self, token: &[u8], request: &Request<'_>) -> bool {
        let is_second = |word: &[u8]| word != token && resembles_jwt(word);
        match self {
            TokenSource::Scheme { header, scheme } => {
                let schemes = [scheme.as_str(), DPOP];
                let schemes = if self.is_bearer() {
                    &schemes[..]
                } else {
                    &schemes[..1]
                };
                let mut values = request.headers.all(header);
                values.any(|value| hides_jwt(value, schemes, is_second))
            }
            TokenSource::Protocol(_) => request.headers.all(websocket::HEADER).any(|list| {
                words(list).any(|element| !element.ends_with(token) && is_second(element))
            }),
            TokenSource::Header(_) | TokenSource::Cookie(_) | TokenSource::Query(_) => false,
        }
    }

    /// The tokens of a request, each with its scheme.
    #[inline]
    pub(in crate::authn) fn tokens<'r>(
        &self,
        request: &Request<'r>,
    ) -> Result<impl Iterator<Item = (&'r [u8], CredentialScheme)> + use<'r>, AmbiguousCredential>
    {
        let after_scheme = match self {
            TokenSource::Scheme { header, scheme } => {
                token_after_scheme(header, scheme, self.is_bearer(), &request.headers)?
            }
            _ => None,
        };
        // For a source with a scheme, this list is empty and takes no memory.
        let unproven = self.unproven_tokens(request)?.into_iter();
        let unproven = unproven.map(|token| (token, CredentialScheme::Bearer));
        Ok(after_scheme.into_iter().chain(unproven))
    }

    /// `Authorization: Bearer`, in whose place a client with a proof writes `Authorization: DPoP`.
    #[inline]
    pub(in crate::authn) fn is_bearer(&self) -> bool {
        matches!(
            self,
            TokenSource::Scheme { header, scheme }
                if header == "authorization" && scheme.eq_ignore_ascii_case("Bearer")
        )
    }

    #[inline]
    fn unproven_tokens<'r>(
        &self,
        request: &Request<'r>,
    ) -> Result<Vec<&'r [u8]>, AmbiguousCredential> {
        match self {
            TokenSource::Scheme { .. } => Ok(Vec::new()),
            TokenSource::Header(header) => {
                let value = only_value(header, &request.headers)?.filter(|value| !value.is_empty());
                if value.is_some_and(|value| value.contains(&b',')) {
                    return Err(AmbiguousCredential::JoinedValues);
                }
                Ok(value.into_iter().collect())
            }
            TokenSource::Protocol(protocol) => {
                let list = only_value(websocket::HEADER, &request.headers)?;
                Ok(websocket::tokens(protocol, list.unwrap_or_default()))
            }
            TokenSource::Cookie(name) => Ok(cookies::tokens(name, &request.headers)),
            TokenSource::Query(name) => Ok(query::tokens(name, request.target()).collect()),
        }
    }
}

/// The token after the scheme, or after [`DPOP`] if `with_proof`. `None` if the value has another scheme, or nothing
/// after the scheme.
#[inline]
fn token_after_scheme<'r>(
    header: &str,
    scheme: &str,
    with_proof: bool,
    headers: &Headers<'r>,
) -> Result<Option<(&'r [u8], CredentialScheme)>, AmbiguousCredential> {
    let read = |value: &'r [u8]| match SchemeMatch::read(value, scheme) {
        SchemeMatch::Other if with_proof => {
            (SchemeMatch::read(value, DPOP), CredentialScheme::Dpop)
        }
        own => (own, scheme_of(scheme)),
    };
    let Some(value) = only_value(header, headers)? else {
        return Ok(None);
    };
    let bytes = ValueBytes::of(value);
    if !bytes.are_plain {
        return Err(AmbiguousCredential::BadByte);
    }
    // Envoy joins repeated headers with a comma.
    if bytes.have_comma {
        for part in value.split(|byte| *byte == b',') {
            match read(trimmed(part)).0 {
                SchemeMatch::Other => {}
                SchemeMatch::Followed(_) => return Err(AmbiguousCredential::JoinedValues),
                SchemeMatch::BadEnd => return Err(AmbiguousCredential::BadSchemeEnd),
            }
        }
        return Ok(None);
    }
    match read(value) {
        (SchemeMatch::Other, _) => Ok(None),
        (SchemeMatch::Followed(token), own) => {
            Ok(Some((token, own)).filter(|(token, _)| !token.is_empty()))
        }
        (SchemeMatch::BadEnd, _) => Err(AmbiguousCredential::BadSchemeEnd),
    }
}

/// Several header lines are several credentials even if they are equal: servers differ about which one counts.
#[inline]
fn only_value<'r>(
    header: &str,
    headers: &Headers<'r>,
) -> Result<Option<&'r [u8]>, AmbiguousCredential> {
    let mut values = headers.all(header);
    let value = values.next();
    if values.next().is_some() {
        return Err(AmbiguousCredential::SeveralValues);
    }
    Ok(value.map(trimmed))
}
