//! What a token request is granted: who asks, proven by a secret, and the scopes they get.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::dev_issuer::{clients::Client, token_answer::TokenError};

/// Scopes of OpenID Connect that every client may ask for; a machine gets nothing by them.
const IGNORED_SCOPES: [&str; 3] = ["openid", "profile", "email"];

/// A client that has proven who it is, and the scopes of the token it gets.
#[derive(Debug)]
pub struct Grant {
    /// Who asked.
    pub client: &'static Client,
    /// A part of the client's scopes, in the order they are registered in.
    pub scopes: Vec<&'static str>,
}

impl Grant {
    /// Judges a request to the token endpoint by its headers and the fields of its form.
    pub fn decide(headers: &HeaderMap, fields: Vec<(String, String)>) -> Result<Grant, TokenError> {
        let form = unrepeated(fields)?;
        let grant_type = form
            .get("grant_type")
            .ok_or(TokenError::ParameterMissing("grant_type"))?;
        let client = authenticate(headers, &form)?;
        if grant_type != "client_credentials" {
            return Err(TokenError::UnsupportedGrantType);
        }
        let asked = form.get("scope").map_or("", String::as_str);
        Ok(Grant {
            client,
            scopes: granted_scopes(client, asked)?,
        })
    }
}

/// RFC 6749, section 3.2: a parameter without a value counts as left out, none may come twice.
fn unrepeated(fields: Vec<(String, String)>) -> Result<BTreeMap<String, String>, TokenError> {
    let mut form = BTreeMap::new();
    for (name, value) in fields {
        if !value.is_empty() && form.insert(name, value).is_some() {
            return Err(TokenError::ParameterRepeated);
        }
    }
    Ok(form)
}

/// RFC 6749, section 2.3.1: by the header or by the form, never by both.
fn authenticate(
    headers: &HeaderMap,
    form: &BTreeMap<String, String>,
) -> Result<&'static Client, TokenError> {
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let authorization = authorizations.next().map(|value| value.as_bytes());
    if authorizations.next().is_some() {
        return Err(TokenError::AuthenticatedTwice);
    }
    // Scalekit's own SDK sends its last access token along with the form: other schemes than Basic
    // are no client authentication.
    let basic = authorization.and_then(basic_credentials);
    match (basic, form.get("client_secret")) {
        (Some(_), Some(_)) => Err(TokenError::AuthenticatedTwice),
        (Some(encoded), None) => {
            let refused = TokenError::InvalidClient { challenge: true };
            let (id, secret) = decode_basic(encoded).ok_or(refused)?;
            if form.get("client_id").is_some_and(|named| *named != id) {
                return Err(TokenError::AuthenticatedTwice);
            }
            Client::authenticate(&id, &secret).ok_or(refused)
        }
        (None, Some(secret)) => {
            let id = form
                .get("client_id")
                .ok_or(TokenError::ParameterMissing("client_id"))?;
            let refused = TokenError::InvalidClient { challenge: false };
            Client::authenticate(id, secret).ok_or(refused)
        }
        (None, None) => Err(TokenError::InvalidClient {
            challenge: authorization.is_some(),
        }),
    }
}

/// What follows the scheme `Basic`, if that is the scheme.
fn basic_credentials(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = authorization.split_at_checked("Basic".len())?;
    let is_basic = scheme.eq_ignore_ascii_case(b"Basic")
        && rest.first().is_none_or(|next| next.is_ascii_whitespace());
    is_basic.then(|| rest.trim_ascii())
}

fn decode_basic(encoded: &[u8]) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id)?, form_decode(secret)?))
}

/// Undoes `application/x-www-form-urlencoded`, which RFC 6749 puts inside of Basic.
fn form_decode(text: &str) -> Option<String> {
    let mut encoded = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = encoded.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(encoded.next()?)? * 16 + hex_digit(encoded.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

fn granted_scopes(client: &Client, asked: &str) -> Result<Vec<&'static str>, TokenError> {
    let asked: Vec<&str> = asked
        .split(' ')
        .filter(|scope| !scope.is_empty() && !IGNORED_SCOPES.contains(scope))
        .collect();
    if asked.iter().any(|scope| !client.scopes.contains(scope)) {
        return Err(TokenError::InvalidScope);
    }
    let registered = client.scopes.iter().copied();
    Ok(registered
        .filter(|scope| asked.is_empty() || asked.contains(scope))
        .collect())
}

#[cfg(test)]
mod tests;
