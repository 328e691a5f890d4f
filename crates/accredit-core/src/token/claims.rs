//! The claims of one token.

use std::fmt;

use crate::jose::json::{Duplicates, JsonDocument, JsonKind, JsonObject, JsonValue};
use crate::token::claim_name::ClaimName;
use crate::token::malformed::{MalformedToken, TokenPart};
use crate::token::numeric_date::{NotANumericDate, NumericDate};

/// A claims set whose `iss`, `aud` and `cnf` have the types of RFC 7519 and RFC 7800. Nothing in it is verified.
#[derive(Clone)]
pub struct Claims(JsonDocument);

/// The audience of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// There is none, or it has no content.
    Absent,
    /// The audiences. Empty if the claim is neither a string nor an array of strings, which no audience equals.
    Named(Vec<&'a str>),
}

impl Claims {
    /// Reads the payload of a JWT.
    ///
    /// # Errors
    /// [`MalformedToken`] if it is not a strict JSON object, or `iss`, `aud` or `cnf` has a wrong type.
    pub fn parse(payload: &[u8]) -> Result<Claims, MalformedToken> {
        let document = JsonDocument::parse(payload, Duplicates::Refuse)
            .map_err(|error| MalformedToken::of_json(TokenPart::Claims, payload, error))?;
        let object = document
            .object()
            .ok_or(MalformedToken::NotAnObject(TokenPart::Claims))?;
        let check =
            |name, expected, has_type: fn(&JsonValue) -> bool| match object.get_non_null(name) {
                Some(value) if !has_type(value) => Err(MalformedToken::WrongType {
                    part: TokenPart::Claims,
                    name,
                    expected,
                }),
                _ => Ok(()),
            };
        check("iss", "a string", |iss| iss.as_str().is_some())?;
        check("aud", "a string or an array of strings", |aud| {
            strings(aud).is_some()
        })?;
        check("cnf", "an object", |cnf| cnf.as_object().is_some())?;
        Ok(Claims(document))
    }

    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// A claim of the top level, if it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.object().get(name)?.as_str()
    }

    /// The elements of `aud`. Empty if it is absent.
    pub fn aud(&self) -> Vec<&str> {
        let aud = self.object().get_non_null("aud");
        aud.and_then(strings).unwrap_or_default()
    }

    /// The first of these claims that the token has (CONTRACT 3.5.3).
    ///
    /// A claim without content (`null`, `[]`, `""`, `[""]`) counts as absent. A claim of another type counts as present.
    pub fn audience(&self, claims: &[ClaimName]) -> Audience<'_> {
        let has_content = |named: &Vec<&str>| named.iter().any(|audience| !audience.is_empty());
        claims
            .iter()
            .filter_map(|name| name.find(self.object()))
            .find_map(|value| match strings(value) {
                Some(named) => has_content(&named).then_some(Audience::Named(named)),
                None => Some(Audience::Named(Vec::new())),
            })
            .unwrap_or(Audience::Absent)
    }

    /// Whether `cnf` binds the token to a key of its sender (RFC 7800).
    pub fn has_confirmation(&self) -> bool {
        self.confirmation().is_some()
    }

    /// `cnf`
    pub(in crate::token) fn confirmation(&self) -> Option<&JsonObject> {
        self.object().get_non_null("cnf")?.as_object()
    }

    /// `exp`, `nbf` or `iat`. `None` if it is absent.
    ///
    /// # Errors
    /// [`NotANumericDate`]
    pub fn date(&self, name: &str) -> Result<Option<NumericDate>, NotANumericDate> {
        NumericDate::read(&self.0, self.object().get(name))
    }

    /// Whether the token has the claim. `null` and the empty string count as absent (CONTRACT 3.5.3).
    pub fn has(&self, name: &ClaimName) -> bool {
        name.find(self.object())
            .is_some_and(|value| value.as_str() != Some(""))
    }

    pub fn object(&self) -> &JsonObject {
        static NONE: JsonObject = JsonObject::EMPTY;
        self.0.object().unwrap_or(&NONE)
    }

    /// The token's original text of one of its values.
    pub fn raw(&self, value: &JsonValue) -> &str {
        self.0.raw(value)
    }

    /// A number as the nearest double. `None` if the value is not a number.
    pub fn number(&self, value: &JsonValue) -> Option<f64> {
        self.0.number(value)
    }

    /// The original text of the payload.
    pub fn payload(&self) -> &str {
        self.0.text()
    }

    /// The memory that the claims occupy, in bytes. Approximate.
    pub fn weight(&self) -> usize {
        self.0.weight()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(..)")
    }
}

/// The elements of a string or of an array of strings.
fn strings(value: &JsonValue) -> Option<Vec<&str>> {
    match &value.kind {
        JsonKind::String(one) => Some(vec![&**one]),
        JsonKind::Array(many) => many.iter().map(JsonValue::as_str).collect(),
        _ => None,
    }
}
