//! Client authentication and scopes of a token request (RFC 6749 sections 2.3.1, 3.2 and 3.3).

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::dev_issuer::{clients::RegisteredClient, token_answer::TokenRequestError};

/// OpenID Connect scopes that a request may contain. They grant nothing to a machine client.
const IGNORED_SCOPES: [&str; 3] = ["openid", "profile", "email"];

/// An authenticated client, and the scopes of its token.
#[derive(Debug)]
pub(crate) struct TokenGrant {
    pub(crate) client: &'static RegisteredClient,
    /// Some or all of the client's scopes, in the order of its registration.
    pub(crate) scopes: Vec<&'static str>,
}

impl TokenGrant {
    /// Decides a token request from its headers and the fields of its form.
    pub(crate) fn decide(
        headers: &HeaderMap,
        fields: Vec<(String, String)>,
    ) -> Result<TokenGrant, TokenRequestError> {
        let form = unrepeated(fields)?;
        let grant_type = form
            .get("grant_type")
            .ok_or(TokenRequestError::ParameterMissing("grant_type"))?;
        let client = authenticate(headers, &form)?;
        if grant_type != "client_credentials" {
            return Err(TokenRequestError::UnsupportedGrantType);
        }
        let asked = form.get("scope").map_or("", String::as_str);
        Ok(TokenGrant {
            client,
            scopes: granted_scopes(client, asked)?,
        })
    }
}

/// RFC 6749 section 3.2: a parameter without a value counts as absent; a repeated parameter is an error.
fn unrepeated(
    fields: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, TokenRequestError> {
    let mut form = BTreeMap::new();
    for (name, value) in fields {
        if !value.is_empty() && form.insert(name, value).is_some() {
            return Err(TokenRequestError::ParameterRepeated);
        }
    }
    Ok(form)
}

/// RFC 6749 section 2.3.1: the client authenticates in the header or in the form, not in both.
fn authenticate(
    headers: &HeaderMap,
    form: &BTreeMap<String, String>,
) -> Result<&'static RegisteredClient, TokenRequestError> {
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let authorization = authorizations.next().map(|value| value.as_bytes());
    if authorizations.next().is_some() {
        return Err(TokenRequestError::AuthenticatedTwice);
    }
    // Scalekit's SDK sends its last access token beside the form, so a scheme other than Basic is not client
    // authentication.
    let basic = authorization.and_then(basic_credentials);
    match (basic, form.get("client_secret")) {
        (Some(_), Some(_)) => Err(TokenRequestError::AuthenticatedTwice),
        (Some(encoded), None) => {
            let refused = TokenRequestError::InvalidClient { challenge: true };
            let (id, secret) = decode_basic(encoded).ok_or(refused)?;
            if form.get("client_id").is_some_and(|named| *named != id) {
                return Err(TokenRequestError::AuthenticatedTwice);
            }
            RegisteredClient::authenticate(&id, &secret).ok_or(refused)
        }
        (None, Some(secret)) => {
            let id = form
                .get("client_id")
                .ok_or(TokenRequestError::ParameterMissing("client_id"))?;
            let refused = TokenRequestError::InvalidClient { challenge: false };
            RegisteredClient::authenticate(id, secret).ok_or(refused)
        }
        (None, None) => Err(TokenRequestError::InvalidClient {
            challenge: authorization.is_some(),
        }),
    }
}

/// The credentials after the scheme `Basic`; `None` for another scheme.
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

/// Decodes `application/x-www-form-urlencoded`: RFC 6749 section 2.3.1 encodes id and secret so inside Basic.
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

fn granted_scopes(
    client: &RegisteredClient,
    asked: &str,
) -> Result<Vec<&'static str>, TokenRequestError> {
    let asked: Vec<&str> = asked
        .split(' ')
        .filter(|scope| !scope.is_empty() && !IGNORED_SCOPES.contains(scope))
        .collect();
    if asked.iter().any(|scope| !client.scopes.contains(scope)) {
        return Err(TokenRequestError::InvalidScope);
    }
    let registered = client.scopes.iter().copied();
    Ok(registered
        .filter(|scope| asked.is_empty() || asked.contains(scope))
        .collect())
}

#[cfg(test)]
mod tests;
