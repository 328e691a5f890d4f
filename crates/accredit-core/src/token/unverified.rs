//! A token whose signature is not verified yet.
//!
//! `jku`, `x5u`, `x5c` and `jwk` are never read: no key and no address comes from a token (CONTRACT 5.7.4).

use std::fmt;

use crate::jose::base64url;
use crate::jose::json::value::JsonObject;
use crate::jose::json::{Duplicates, JsonDocument, TextRange};
use crate::token::bearer::BearerToken;
use crate::token::claims::Claims;
use crate::token::error::TokenError;
use crate::token::malformed::{MalformedToken, TokenPart};

/// A well-formed JWS in compact form (RFC 7515 section 7.1). Nothing in it is verified.
pub struct UnverifiedToken<'a> {
    header: JsonDocument,
    /// Where the parameters are in the header.
    algorithm: TextRange,
    key_id: Option<TextRange>,
    token_type: Option<TextRange>,
    claims: Claims,
    signing_input: &'a str,
    signature: Vec<u8>,
}

impl<'a> UnverifiedToken<'a> {
    /// # Errors
    /// [`TokenError::Malformed`] for a token that two servers could read differently.
    pub fn parse(bearer: BearerToken<'a>) -> Result<UnverifiedToken<'a>, TokenError> {
        Ok(UnverifiedToken::read(bearer.expose_text())?)
    }

    fn read(token: &'a str) -> Result<UnverifiedToken<'a>, MalformedToken> {
        let parts = token
            .rsplit_once('.')
            .and_then(|(signing_input, signature)| {
                let (header, payload) = signing_input.split_once('.')?;
                (!payload.contains('.')).then_some((signing_input, header, payload, signature))
            });
        let Some((signing_input, header, payload, signature)) = parts else {
            return Err(MalformedToken::of_text(token));
        };
        let header = decode(TokenPart::Header, header, token)?;
        let payload = decode(TokenPart::Claims, payload, token)?;
        let signature = decode(TokenPart::Signature, signature, token)?;
        let header =
            JsonDocument::read(header, Duplicates::Refuse).map_err(|(error, header)| {
                MalformedToken::of_json(TokenPart::Header, &header, error)
            })?;
        let parameters = header
            .object()
            .ok_or(MalformedToken::NotAnObject(TokenPart::Header))?;
        // RFC 7515 section 4.1.11: a recipient must refuse an extension that it does not support, and accredit supports
        // none. RFC 7797's `b64` changes what is signed. Both count as present even if they are `null`.
        if let Some(name) = ["crit", "b64"]
            .into_iter()
            .find(|name| parameters.get(name).is_some())
        {
            return Err(MalformedToken::Extension(name));
        }
        let algorithm = text(parameters, "alg")?.ok_or(MalformedToken::NoAlgorithm)?;
        let key_id = text(parameters, "kid")?;
        let token_type = text(parameters, "typ")?;
        Ok(UnverifiedToken {
            algorithm,
            key_id: key_id.filter(|key_id| !header.text_in(*key_id).is_empty()),
            token_type,
            header,
            claims: Claims::read(payload)?,
            signing_input,
            signature,
        })
    }

    pub fn algorithm(&self) -> &str {
        self.header.text_in(self.algorithm)
    }

    /// The header's `kid`. An empty one counts as absent (CONTRACT 4.4.2).
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.map(|key_id| self.header.text_in(key_id))
    }

    pub fn token_type(&self) -> Option<&str> {
        self.token_type.map(|typ| self.header.text_in(typ))
    }

    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(in crate::token) fn into_claims(self) -> Claims {
        self.claims
    }

    /// The bytes that the signature covers: header and payload as the client sent them (RFC 7515 section 5.1).
    pub fn signing_input(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedToken(..)")
    }
}

fn decode(part: TokenPart, text: &str, token: &str) -> Result<Vec<u8>, MalformedToken> {
    base64url::decode(text).map_err(|error| match MalformedToken::of_text(token) {
        pasted @ (MalformedToken::PastedScheme | MalformedToken::Quoted) => pasted,
        _ => MalformedToken::NotBase64Url(part, error),
    })
}

fn text(header: JsonObject<'_>, name: &'static str) -> Result<Option<TextRange>, MalformedToken> {
    let Some(value) = header.get_non_null(name) else {
        return Ok(None);
    };
    match value.text_range() {
        Some(range) => Ok(Some(range)),
        None => Err(MalformedToken::WrongType {
            part: TokenPart::Header,
            name,
            expected: "a string",
        }),
    }
}

#[cfg(test)]
mod tests;
