//! The sources of a configuration together, and the one token that they carry.

use std::sync::Arc;

use crate::authn::cookies::DroppedCookies;
use crate::authn::extraction_error::{AmbiguousCredential, ExtractionError};
use crate::authn::header_value::trimmed;
use crate::authn::hidden_tokens::SourceNames;
use crate::authn::scheme::{DPOP, SchemeMatch};
use crate::authn::token_source::TokenSource;
use crate::proof::presentation::CredentialScheme;
use crate::request::Request;
use crate::token::bearer::{BearerToken, DEFAULT_MAX_TOKEN_SIZE};

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

#[cfg(test)]
mod tests;
