//! Takes a token out of its request, so that the upstream does not see it.

use crate::authn::sources::{Credential, TokenSource};
use crate::authn::{cookies, query};
use crate::request::Request;

/// What to change in a request so that a token is gone from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRemoval {
    /// The headers to remove.
    pub headers: Vec<String>,
    /// `:path` as it should be, if it changes.
    pub path: Option<String>,
    /// `cookie` as it should be, if it changes and something is left.
    pub cookie: Option<String>,
}

impl TokenRemoval {
    /// The changes that take a credential out of each place that carries it.
    pub fn of(credential: &Credential<'_, '_>, request: &Request<'_>) -> TokenRemoval {
        let token = credential.bearer.expose();
        let mut removal = TokenRemoval::default();
        for place in &credential.places {
            match place {
                TokenSource::Scheme { header, .. } | TokenSource::Header(header) => {
                    removal.headers.push(header.clone())
                }
                TokenSource::Query(name) => {
                    let path = removal.path.as_deref().unwrap_or(request.path);
                    removal.path = Some(query::without(name, token, path));
                }
                TokenSource::Cookie(name) => {
                    match cookies::without(name, token.as_bytes(), &request.headers) {
                        Some(left) => removal.cookie = Some(left),
                        None => removal.headers.push("cookie".to_owned()),
                    }
                }
            }
        }
        removal
    }
}
