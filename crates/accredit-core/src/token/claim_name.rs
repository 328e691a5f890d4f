//! Claim names of the configuration (CONTRACT 3.7).

use std::borrow::Cow;
use std::fmt;

use crate::jose::json::value::{JsonObject, JsonValue};

/// The path from the claims set to one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimName(Vec<String>);

/// A claim name that is empty or has an empty part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim name has an empty part")]
pub struct NotAClaimName;

impl ClaimName {
    /// A name that splits at dots: `custom_claims.environment`.
    ///
    /// # Errors
    /// [`NotAClaimName`] for an empty part.
    pub fn dotted(name: &str) -> Result<ClaimName, NotAClaimName> {
        ClaimName::literal(name.split('.').map(str::to_owned).collect())
    }

    /// A name with literal parts, for names with dots: `["https://acme.example/roles"]`.
    ///
    /// # Errors
    /// [`NotAClaimName`] for an empty list or an empty part.
    pub fn literal(parts: Vec<String>) -> Result<ClaimName, NotAClaimName> {
        if parts.is_empty() || parts.iter().any(String::is_empty) {
            return Err(NotAClaimName);
        }
        Ok(ClaimName(parts))
    }

    /// One part per level.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// The name as the configuration writes it, its parts joined by dots.
    pub fn text(&self) -> Cow<'_, str> {
        match self.parts() {
            [part] => Cow::Borrowed(part),
            parts => Cow::Owned(parts.join(".")),
        }
    }

    /// The value of the claim. `None` if it is absent or `null` (CONTRACT 4.4.2).
    pub fn find<'a>(&self, claims: JsonObject<'a>) -> Option<JsonValue<'a>> {
        let (last, parents) = self.0.split_last()?;
        let mut object = claims;
        for parent in parents {
            object = object.get(parent)?.as_object()?;
        }
        object.get_non_null(last)
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::{ClaimName, NotAClaimName};
    use crate::jose::json::value::JsonValue;
    use crate::jose::json::{Duplicates, JsonDocument};

    #[test]
    fn a_claim_name_leads_part_by_part_to_a_value_that_is_not_null() {
        let text = br#"{"a":{"b":1,"c":null},"a.b":2,"n":null,"s":"x"}"#;
        let document = JsonDocument::parse(text, Duplicates::Refuse).expect("is JSON");
        let find = |name: ClaimName| {
            document
                .object()
                .and_then(|claims| name.find(claims))
                .map(JsonValue::raw)
        };
        let dotted = |name: &str| find(ClaimName::dotted(name).expect("is a name"));
        let literal = |part: &str| find(ClaimName::literal(vec![part.into()]).expect("is a name"));
        assert_eq!(dotted("a.b"), Some("1"));
        assert_eq!(literal("a.b"), Some("2"));
        assert_eq!(dotted("s"), Some("\"x\""));
        for absent in ["n", "a.c", "a.b.c", "s.x", "z"] {
            assert_eq!(dotted(absent), None, "{absent}");
        }
    }

    #[test]
    fn a_claim_name_with_an_empty_part_is_an_error() {
        for name in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(ClaimName::dotted(name), Err(NotAClaimName), "{name:?}");
        }
        assert_eq!(ClaimName::literal(vec![]), Err(NotAClaimName));
    }
}
