//! Which claim is meant: one at the top, or a member inside one.

use std::fmt;

use crate::jose::json::{JsonKind, JsonObject, JsonValue};

/// The way from the claims object to one value. A text splits at dots; a list is taken literally, for names with
/// dots in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimName(Vec<String>);

/// A claim name that no claim can have: empty, or with an empty part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAClaimName;

impl ClaimName {
    /// `custom_claims.environment`: split at dots.
    ///
    /// # Errors
    /// [`NotAClaimName`] for an empty part.
    pub fn dotted(name: &str) -> Result<ClaimName, NotAClaimName> {
        ClaimName::literal(name.split('.').map(str::to_owned).collect())
    }

    /// `["https://acme.example/roles"]`: each part as it stands.
    ///
    /// # Errors
    /// [`NotAClaimName`] for no part, or an empty one.
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

    /// The only part, where the name has just one.
    pub fn as_single(&self) -> Option<&str> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The value that the name leads to; `null` counts as absent (CONTRACT: a null claim is none).
    pub fn find<'a>(&self, claims: &'a JsonObject) -> Option<&'a JsonValue> {
        let (last, parents) = self.0.split_last()?;
        let mut object = claims;
        for parent in parents {
            object = object.get(parent)?.as_object()?;
        }
        object
            .get(last)
            .filter(|value| value.kind != JsonKind::Null)
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::{ClaimName, NotAClaimName};
    use crate::jose::json::{Duplicates, JsonDocument};

    #[test]
    fn a_name_leads_to_a_member_or_nowhere() {
        let text = br#"{"a":{"b":1,"c":null},"a.b":2,"n":null,"s":"x"}"#;
        let document = JsonDocument::parse(text, Duplicates::Refuse).expect("is JSON");
        let find = |name: ClaimName| {
            document
                .object()
                .and_then(|claims| name.find(claims))
                .map(|value| document.raw(value))
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
    fn an_empty_part_is_no_name() {
        for name in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(ClaimName::dotted(name), Err(NotAClaimName), "{name:?}");
        }
        assert_eq!(ClaimName::literal(vec![]), Err(NotAClaimName));
    }
}
