//! The claims of one token.

use std::fmt;

use crate::jose::json::value::{JsonKind, JsonObject, JsonValue};
use crate::jose::json::{Duplicates, JsonDocument, TextRange};
use crate::token::claim_name::ClaimName;
use crate::token::malformed::{MalformedToken, TokenPart};
use crate::token::numeric_date::{NotANumericDate, NumericDate};

/// A claims set whose `iss`, `aud` and `cnf` have the types of RFC 7519 and RFC 7800. Nothing in it is verified.
#[derive(Clone)]
pub struct Claims(JsonDocument);

/// The audience of a token.
#[derive(Clone, Copy)]
pub enum Audience<'a> {
    /// There is none, or it has no content.
    Absent,
    /// The audiences. Empty if the claim is neither a string nor an array of strings, which no audience equals.
    Named(Strings<'a>),
}

/// The elements of an array of strings, or one string.
#[derive(Clone, Copy)]
pub struct Strings<'a>(Option<JsonValue<'a>>);

impl Claims {
    /// Reads the payload of a JWT.
    ///
    /// # Errors
    /// [`MalformedToken`] if it is not a strict JSON object, or `iss`, `aud` or `cnf` has a wrong type.
    pub fn parse(payload: &[u8]) -> Result<Claims, MalformedToken> {
        Claims::read(payload.to_vec())
    }

    /// The same without a copy of the payload.
    ///
    /// # Errors
    /// [`MalformedToken`]
    pub(in crate::token) fn read(payload: Vec<u8>) -> Result<Claims, MalformedToken> {
        let document =
            JsonDocument::read(payload, Duplicates::Refuse).map_err(|(error, payload)| {
                MalformedToken::of_json(TokenPart::Claims, &payload, error)
            })?;
        let object = document
            .object()
            .ok_or(MalformedToken::NotAnObject(TokenPart::Claims))?;
        let check =
            |name, expected, has_type: fn(JsonValue<'_>) -> bool| match object.get_non_null(name) {
                Some(value) if !has_type(value) => Err(MalformedToken::WrongType {
                    part: TokenPart::Claims,
                    name,
                    expected,
                }),
                _ => Ok(()),
            };
        check("iss", "a string", |iss| iss.as_str().is_some())?;
        check("aud", "a string or an array of strings", |aud| {
            Strings::of(aud).is_some()
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
        let aud = self.object().get_non_null("aud").and_then(Strings::of);
        aud.into_iter().flat_map(Strings::texts).collect()
    }

    /// The first of these claims that the token has (CONTRACT 3.5.3).
    ///
    /// A claim without content (`null`, `[]`, `""`, `[""]`) counts as absent. A claim of another type counts as present, and so does a
    /// longer list of empty strings: no issuer writes it for a token without an audience.
    pub fn audience(&self, claims: &[ClaimName]) -> Audience<'_> {
        let has_content = |named: &Strings<'_>| {
            let mut texts = named.texts();
            texts.next().is_some_and(|first| !first.is_empty()) || texts.next().is_some()
        };
        claims
            .iter()
            .filter_map(|name| name.find(self.object()))
            .find_map(|value| match Strings::of(value) {
                Some(named) => has_content(&named).then_some(Audience::Named(named)),
                None => Some(Audience::Named(Strings::NONE)),
            })
            .unwrap_or(Audience::Absent)
    }

    /// Whether `cnf` binds the token to a key of its sender (RFC 7800).
    pub fn has_confirmation(&self) -> bool {
        self.confirmation().is_some()
    }

    /// `cnf`
    pub(in crate::token) fn confirmation(&self) -> Option<JsonObject<'_>> {
        self.object().get_non_null("cnf")?.as_object()
    }

    /// `exp`, `nbf` or `iat`. `None` if it is absent.
    ///
    /// # Errors
    /// [`NotANumericDate`]
    pub fn date(&self, name: &str) -> Result<Option<NumericDate>, NotANumericDate> {
        NumericDate::read(self.object().get(name))
    }

    /// Whether the token has the claim. `null` and the empty string count as absent (CONTRACT 3.5.3).
    pub fn has(&self, name: &ClaimName) -> bool {
        name.find(self.object())
            .is_some_and(|value| value.as_str() != Some(""))
    }

    pub fn object(&self) -> JsonObject<'_> {
        self.0.object().unwrap_or(JsonObject::empty(&self.0))
    }

    /// The text in a range of the claims.
    pub(in crate::token) fn text_in(&self, range: TextRange) -> &str {
        self.0.text_in(range)
    }

    /// The original text of the payload.
    pub fn payload(&self) -> &str {
        self.0.text()
    }

    /// The memory that the claims occupy beside their own size, in bytes.
    pub(in crate::token) fn heap_weight(&self) -> usize {
        self.0.heap_weight()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(..)")
    }
}

// === impl Strings ===

impl<'a> Strings<'a> {
    const NONE: Strings<'static> = Strings(None);

    /// `None` if the value is neither a string nor an array of strings.
    fn of(value: JsonValue<'a>) -> Option<Strings<'a>> {
        let are_strings = match value.kind() {
            JsonKind::String(_) => true,
            JsonKind::Array(elements) => elements.iter().all(|element| element.as_str().is_some()),
            _ => false,
        };
        are_strings.then_some(Strings(Some(value)))
    }

    /// The text of each.
    pub fn texts(self) -> impl Iterator<Item = &'a str> {
        self.values().filter_map(JsonValue::as_str)
    }

    /// Where each text is in the claims.
    pub(in crate::token) fn ranges(self) -> impl Iterator<Item = TextRange> {
        self.values().filter_map(JsonValue::text_range)
    }

    /// The elements, or the value if it is no array.
    fn values(self) -> impl Iterator<Item = JsonValue<'a>> {
        let elements = self.0.and_then(JsonValue::as_array);
        let one = if elements.is_some() { None } else { self.0 };
        elements.into_iter().flatten().chain(one)
    }
}
