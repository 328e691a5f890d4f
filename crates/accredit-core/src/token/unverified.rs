//! A token taken apart before anything in it is trusted.
//!
//! `jku`, `x5u`, `x5c` and `jwk` are never read: no key and no address comes from a token.

use std::fmt;

use crate::jose::base64url;
use crate::jose::json::{Duplicates, JsonDocument, JsonObject};
use crate::token::bearer::BearerToken;
use crate::token::claims::Claims;
use crate::token::error::TokenError;

/// A well-formed JWS in compact form (RFC 7515 section 7.1). Nothing that it says is proven.
pub struct UnverifiedToken<'a> {
    algorithm: Box<str>,
    key_id: Option<Box<str>>,
    token_type: Option<Box<str>>,
    claims: Claims,
    signing_input: &'a str,
    signature: Vec<u8>,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a bearer's text apart.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] for everything that two careful readers could read differently.
    pub fn parse(bearer: BearerToken<'a>) -> Result<UnverifiedToken<'a>, TokenError> {
        let token = bearer.expose();
        let (signing_input, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(TokenError::Malformed)?;
        // A further dot fails as base64url.
        let header = segment(header)?;
        let payload = segment(payload)?;
        let signature = segment(signature)?;
        let header =
            JsonDocument::parse(&header, Duplicates::Refuse).map_err(|_| TokenError::Malformed)?;
        let header = header.object().ok_or(TokenError::Malformed)?;
        // RFC 7515 section 4.1.11: an extension that is not understood must be refused, and RFC 7797's `b64`
        // changes what is signed; we understand none.
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err(TokenError::Malformed);
        }
        Ok(UnverifiedToken {
            algorithm: text(header, "alg")?.ok_or(TokenError::Malformed)?,
            key_id: text(header, "kid")?,
            token_type: text(header, "typ")?,
            claims: Claims::parse(&payload)?,
            signing_input,
            signature,
        })
    }

    /// The header's `alg`.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The header's `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The header's `typ`.
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }

    /// What the token claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The claims, for the one who has verified them.
    pub(in crate::token) fn into_claims(self) -> Claims {
        self.claims
    }

    /// What is signed: header and payload as they were sent (RFC 7515 section 5.1).
    pub fn signing_input(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    /// The signature's bytes.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedToken(..)")
    }
}

fn segment(text: &str) -> Result<Vec<u8>, TokenError> {
    base64url::decode(text).map_err(|_| TokenError::Malformed)
}

fn text(header: &JsonObject, name: &str) -> Result<Option<Box<str>>, TokenError> {
    match header.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_str()
            .map(|text| Some(text.into()))
            .ok_or(TokenError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::UnverifiedToken;
    use crate::jose::base64url::encode;
    use crate::token::bearer::BearerToken;
    use crate::token::error::TokenError;

    fn parse(token: &str) -> Result<(), TokenError> {
        UnverifiedToken::parse(BearerToken::new(token.as_bytes()).expect("fits")).map(|_| ())
    }

    fn token(header: &str, payload: &str) -> String {
        format!(
            "{}.{}.AAAA",
            encode(header.as_bytes()),
            encode(payload.as_bytes())
        )
    }

    #[test]
    fn the_form_of_a_token() {
        let header =
            r#"{"alg":"RS256","kid":"k","typ":"JWT","jku":"https://evil.example","jwk":{}}"#;
        assert_eq!(
            parse(&token(header, r#"{"iss":"i","aud":["a"],"cnf":{}}"#)),
            Ok(())
        );
        let unsecured = format!("{}.{}.", encode(br#"{"alg":"none"}"#), encode(b"{}"));
        assert_eq!(
            parse(&unsecured),
            Ok(()),
            "an empty signature is a form; `alg` refuses it"
        );
        for header in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"alg":1}"#,
            r#"{"alg":null}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{"alg":"RS256","kid":1}"#,
            r#"{"alg":"RS256","kid":null}"#,
            r#"{"alg":"RS256","typ":[]}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","crit":["exp"]}"#,
            r#"{"alg":"RS256","b64":true}"#,
            r#"{"alg":"RS256","jwk":{"a":1,"a":1}}"#,
            r#"{"alg":"RS256"} x"#,
            "\u{feff}{\"alg\":\"RS256\"}",
        ] {
            assert_eq!(
                parse(&token(header, "{}")),
                Err(TokenError::Malformed),
                "{header}"
            );
        }
        for payload in [
            "",
            "1",
            "[]",
            r#"{"iss":1}"#,
            r#"{"iss":null}"#,
            r#"{"aud":1}"#,
            r#"{"aud":[1]}"#,
            r#"{"aud":null}"#,
            r#"{"aud":["a",null]}"#,
            r#"{"cnf":null}"#,
            r#"{"cnf":"x"}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{}{}"#,
        ] {
            assert_eq!(
                parse(&token(r#"{"alg":"RS256"}"#, payload)),
                Err(TokenError::Malformed),
                "{payload}"
            );
        }
        let good = token(header, "{}");
        for bad in [
            "",
            ".",
            "..",
            "...",
            "a.b",
            "a.b.c.d.e",
            &format!("{good}="),
            &format!("{good}.AAAA"),
            &format!(".{good}"),
            &good.replace("AAAA", "AB"),
            &format!("{good}\n"),
            &good.replace('.', ","),
        ] {
            assert_eq!(parse(bad), Err(TokenError::Malformed), "{bad:?}");
        }
    }
}
