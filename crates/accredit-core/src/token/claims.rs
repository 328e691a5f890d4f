//! The claims of one token: the registered ones read as RFC 7519 types them, the rest kept as JSON.

use std::fmt;

use crate::jose::json::{Duplicates, JsonDocument, JsonKind, JsonObject, JsonValue};
use crate::token::claim_name::ClaimName;
use crate::token::error::TokenError;
use crate::token::numeric_date::{NotANumericDate, NumericDate};

/// A claims set whose `iss`, `aud` and `cnf` have their types. Says nothing about trust.
#[derive(Clone)]
pub struct Claims(JsonDocument);

/// The `aud` claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// There is none.
    Absent,
    /// Whom the token says it is meant for; may be empty.
    Named(Vec<&'a str>),
}

impl Claims {
    /// Reads a JWT's payload.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] for what is not a strict JSON object, or types `iss`, `aud` or `cnf` wrongly.
    pub fn parse(payload: &[u8]) -> Result<Claims, TokenError> {
        let document =
            JsonDocument::parse(payload, Duplicates::Refuse).map_err(|_| TokenError::Malformed)?;
        let object = document.object().ok_or(TokenError::Malformed)?;
        let has_string_issuer = object.get("iss").is_none_or(|iss| iss.as_str().is_some());
        let has_object_confirmation = object
            .get("cnf")
            .is_none_or(|cnf| cnf.as_object().is_some());
        let audience_is_text = object
            .get("aud")
            .is_none_or(|aud| audience_members(aud).is_some());
        if has_string_issuer && has_object_confirmation && audience_is_text {
            Ok(Claims(document))
        } else {
            Err(TokenError::Malformed)
        }
    }

    /// `iss`
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// A claim at the top that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.object().get(name)?.as_str()
    }

    /// `aud`
    pub fn audience(&self) -> Audience<'_> {
        match self.object().get("aud").and_then(audience_members) {
            Some(members) => Audience::Named(members),
            None => Audience::Absent,
        }
    }

    /// Whether `cnf` binds the token to a key of its sender (RFC 7800).
    pub fn has_confirmation(&self) -> bool {
        self.object().get("cnf").is_some()
    }

    /// `exp`, `nbf` or `iat`.
    ///
    /// # Errors
    /// [`NotANumericDate`] if the claim is there and is none.
    pub fn date(&self, name: &str) -> Result<Option<NumericDate>, NotANumericDate> {
        NumericDate::read(&self.0, self.object().get(name))
    }

    /// Whether the claim is there: `null` and the empty string count as absent.
    pub fn has(&self, name: &ClaimName) -> bool {
        name.find(self.object())
            .is_some_and(|value| value.as_str() != Some(""))
    }

    /// The claims as JSON members.
    pub fn object(&self) -> &JsonObject {
        static NONE: JsonObject = JsonObject::EMPTY;
        self.0.object().unwrap_or(&NONE)
    }

    /// The token's own text of one of its values.
    pub fn raw(&self, value: &JsonValue) -> &str {
        self.0.raw(value)
    }

    /// A number as the nearest double.
    pub fn number(&self, value: &JsonValue) -> Option<f64> {
        self.0.number(value)
    }

    /// The payload's own bytes.
    pub fn payload(&self) -> &str {
        self.0.text()
    }

    /// About how many bytes the claims occupy.
    pub fn weight(&self) -> usize {
        self.0.weight()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(..)")
    }
}

fn audience_members(value: &JsonValue) -> Option<Vec<&str>> {
    match &value.kind {
        JsonKind::String(one) => Some(vec![&**one]),
        JsonKind::Array(many) => many.iter().map(JsonValue::as_str).collect(),
        _ => None,
    }
}
