//! The sources of a request that can carry a token, and the one token that they carry.

use std::sync::Arc;

use crate::authn::cookies::DroppedCookies;
use crate::authn::extraction_error::{AmbiguousCredential, ExtractionError};
use crate::authn::header_value::{ValueBytes, trimmed};
use crate::authn::hidden_tokens::SourceNames;
use crate::authn::jwt_like::resembles_jwt;
use crate::authn::scheme::{DPOP, SchemeMatch, hides_jwt, scheme_of, words};
use crate::authn::{cookies, query, websocket};
use crate::proof::presentation::CredentialScheme;
use crate::request::{Headers, Request};
use crate::token::bearer::{BearerToken, DEFAULT_MAX_TOKEN_SIZE};

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

#[derive(Clone, Debug)]
pub struct TokenSources {
    sources: Vec<TokenSource>,
    names: SourceNames,
    max_token_size: usize,
    dropped_cookies: Arc<DroppedCookies>,
}

/// The token of a request, not yet verified.
#[derive(Debug)]
pub struct Credential<'r, 's> {
    pub bearer: BearerToken<'r>,
    pub scheme: CredentialScheme,
    /// Every source that carries it.
    pub sources: Vec<&'s TokenSource>,
}

impl Default for TokenSources {
    /// `Authorization: Bearer`
    fn default() -> TokenSources {
        TokenSources::new(vec![TokenSource::Scheme {
            header: "authorization".into(),
            scheme: "Bearer".into(),
        }])
    }
}

impl TokenSources {
    pub fn new(sources: Vec<TokenSource>) -> TokenSources {
        let mut names = SourceNames::default();
        for source in &sources {
            match source {
                TokenSource::Cookie(name) => names.cookies.push(name.clone()),
                TokenSource::Query(name) => names.parameters.push(name.clone()),
                _ => source
                    .header()
                    .into_iter()
                    .for_each(|name| names.add_header(name)),
            }
        }
        TokenSources {
            sources,
            names,
            max_token_size: DEFAULT_MAX_TOKEN_SIZE,
            dropped_cookies: Arc::default(),
        }
    }

    /// Sets the maximum length of a token in bytes.
    #[must_use]
    pub fn with_max_token_size(self, max_token_size: usize) -> TokenSources {
        TokenSources {
            max_token_size,
            ..self
        }
    }

    /// Sets the counter of cookies that are dropped with a token.
    #[must_use]
    pub fn counting(self, dropped_cookies: Arc<DroppedCookies>) -> TokenSources {
        TokenSources {
            dropped_cookies,
            ..self
        }
    }

    pub fn into_inner(self) -> Vec<TokenSource> {
        self.sources
    }

    /// The sources in their order.
    pub fn iter(&self) -> impl Iterator<Item = &TokenSource> {
        self.sources.iter()
    }

    pub fn first(&self) -> Option<&TokenSource> {
        self.sources.first()
    }

    /// The cookies that were dropped with a token.
    pub fn dropped_cookies(&self) -> &DroppedCookies {
        &self.dropped_cookies
    }

    /// The scheme of a challenge to the client of this request: the one that it used.
    pub fn challenge_scheme(&self, request: &Request<'_>) -> CredentialScheme {
        let reads_proofs = self.sources.iter().any(TokenSource::is_bearer);
        let mut values = request.headers.all("authorization");
        let uses_dpop = |value: &[u8]| {
            matches!(
                SchemeMatch::read(trimmed(value), DPOP),
                SchemeMatch::Followed(_)
            )
        };
        if reads_proofs && values.any(uses_dpop) {
            CredentialScheme::Dpop
        } else {
            CredentialScheme::Bearer
        }
    }

    /// The token of a request. `None` if it carries none.
    ///
    /// # Errors
    /// [`ExtractionError`]
    pub fn extract<'r>(
        &self,
        request: &Request<'r>,
    ) -> Result<Option<Credential<'r, '_>>, ExtractionError> {
        let mut found: Option<(&'r [u8], Vec<&TokenSource>)> = None;
        let mut scheme = CredentialScheme::Bearer;
        for source in &self.sources {
            for (token, own) in source.tokens(request)? {
                match &mut found {
                    None => found = Some((token, vec![source])),
                    // The same token from several sources is one token.
                    Some((first, sources)) if *first == token => {
                        if sources.last() != Some(&source) {
                            sources.push(source);
                        }
                    }
                    Some(_) => return Err(AmbiguousCredential::SeveralTokens.into()),
                }
                if own == CredentialScheme::Dpop {
                    scheme = own;
                }
            }
        }
        if self.names.hide_token(request) {
            return Err(AmbiguousCredential::HiddenToken.into());
        }
        let Some((token, sources)) = found else {
            return Ok(None);
        };
        // The value of a header with a scheme is the token or another credential.
        let carries_token = |source: &TokenSource| {
            let mut sources = sources.iter();
            sources.any(|own| std::ptr::eq(*own, source) || *own == source)
        };
        let is_whole_value = |source: &TokenSource| {
            matches!(source, TokenSource::Scheme { .. }) && carries_token(source)
        };
        let mut others = self.sources.iter().filter(|source| !is_whole_value(source));
        if others.any(|source| source.has_second_token(token, request)) {
            return Err(AmbiguousCredential::HiddenToken.into());
        }
        let bearer =
            BearerToken::new(token, self.max_token_size).map_err(ExtractionError::NotAToken)?;
        Ok(Some(Credential {
            bearer,
            scheme,
            sources,
        }))
    }
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
    fn has_second_token(&self, token: &[u8], request: &Request<'_>) -> bool {
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
    fn is_bearer(&self) -> bool {
        matches!(
            self,
            TokenSource::Scheme { header, scheme }
                if header == "authorization" && scheme.eq_ignore_ascii_case("Bearer")
        )
    }

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

#[cfg(test)]
mod tests;
