//! Removes a token from the request that goes to the upstream (CONTRACT 4.12).

use crate::authn::extraction_error::AmbiguousCredential;
use crate::authn::header_value::expressible;
use crate::authn::sources::Credential;
use crate::authn::token_source::TokenSource;
use crate::authn::{cookies, query, websocket};
use crate::request::Request;

/// The changes that remove a token from every source that carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRemoval {
    /// The headers to remove.
    pub remove: Vec<String>,
    /// Headers and pseudo-headers with their new values.
    pub set: Vec<(&'static str, String)>,
    /// How many other cookies are left out, because an answer cannot express their bytes.
    pub dropped_cookies: usize,
}

impl TokenRemoval {
    /// The changes for a credential of this request.
    ///
    /// # Errors
    /// [`AmbiguousCredential::UnremovableToken`] if the rest of the query cannot stay byte for byte (CONTRACT 4.12.2). The
    /// upstream would get another path or query than the one that the client sent and the rules matched.
    pub fn of(
        credential: &Credential<'_, '_>,
        request: &Request<'_>,
    ) -> Result<TokenRemoval, AmbiguousCredential> {
        let token = credential.bearer.expose();
        let mut removal = TokenRemoval::default();
        let (mut cookies, mut parameters, mut protocols) = (Vec::new(), Vec::new(), Vec::new());
        for source in &credential.sources {
            match source {
                TokenSource::Scheme { header, .. } | TokenSource::Header(header) => {
                    removal.remove.push(header.clone());
                }
                TokenSource::Protocol(protocol) => protocols.push(protocol.as_str()),
                TokenSource::Cookie(name) => cookies.push(name.as_str()),
                TokenSource::Query(name) => parameters.push(name.as_str()),
            }
        }
        if !cookies.is_empty() {
            let left = cookies::without(&cookies, token, &request.headers);
            removal.replace("cookie", left.value);
            removal.dropped_cookies = left.dropped;
        }
        if !protocols.is_empty() {
            let list = request.headers.all(websocket::HEADER).next();
            let left = list.and_then(|list| websocket::without(&protocols, token, list));
            removal.replace(websocket::HEADER, left);
        }
        if !parameters.is_empty() {
            let left = query::without(&parameters, token, request.target());
            let left = expressible(&left).ok_or(AmbiguousCredential::UnremovableToken)?;
            removal.set.push((":path", left.to_owned()));
        }
        Ok(removal)
    }

    fn replace(&mut self, name: &'static str, value: Option<String>) {
        match value {
            Some(value) => self.set.push((name, value)),
            None => self.remove.push(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
