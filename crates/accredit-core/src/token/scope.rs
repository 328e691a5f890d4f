//! The scopes of a token, whichever claim carries them.

use crate::jose::json::{JsonKind, JsonObject, JsonValue};

/// A token's scopes (RFC 6749 section 3.3) in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(Vec<String>);

impl ScopeSet {
    /// The scopes of the first of these claims that the token has. A claim that is neither a string nor an array
    /// of strings grants nothing, and still decides: what cannot be read must not fall back to something wider.
    pub fn read(claims: &JsonObject, scope_claims: &[String]) -> ScopeSet {
        match carrier(claims, scope_claims) {
            Some(value) => ScopeSet(scopes_of(value).unwrap_or_default()),
            None => ScopeSet::default(),
        }
    }

    /// Whether the token has the scope.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own == scope)
    }

    /// Each scope in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// About how many bytes the set occupies.
    pub fn weight(&self) -> usize {
        self.0
            .iter()
            .map(|scope| size_of::<String>() + scope.len())
            .sum()
    }
}

/// The claim that decides a token's scopes: the first of these that it has and that is not `null`.
fn carrier<'a>(claims: &'a JsonObject, scope_claims: &[String]) -> Option<&'a JsonValue> {
    scope_claims
        .iter()
        .filter_map(|name| claims.get(name))
        .find(|value| value.kind != JsonKind::Null)
}

/// The value of that claim as far as it says scopes: what grants nothing must not be told as a scope either.
pub fn told<'a>(claims: &'a JsonObject, scope_claims: &[String]) -> Option<&'a JsonValue> {
    carrier(claims, scope_claims).filter(|value| scopes_of(value).is_some())
}

fn scopes_of(value: &JsonValue) -> Option<Vec<String>> {
    if let Some(text) = value.as_str() {
        return Some(
            text.split(' ')
                .filter(|scope| !scope.is_empty())
                .map(str::to_owned)
                .collect(),
        );
    }
    value
        .as_array()?
        .iter()
        .map(|scope| scope.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::ScopeSet;
    use crate::jose::json::{Duplicates, JsonDocument};

    #[test]
    fn the_first_claim_that_the_token_has_decides() {
        let claims = ["scopes", "scp", "scope"].map(str::to_owned);
        let cases: &[(&str, &[&str])] = &[
            (r#"{"scopes":["a","b"],"scope":"c"}"#, &["a", "b"]),
            (r#"{"scope":"c  d "}"#, &["c", "d"]),
            (r#"{"scp":"e"}"#, &["e"]),
            (r#"{"scopes":null,"scp":["f"]}"#, &["f"]),
            (r#"{"scopes":[],"scope":"c"}"#, &[]),
            (r#"{"scopes":"","scope":"c"}"#, &[]),
            (r#"{"scopes":5,"scope":"c"}"#, &[]),
            (r#"{"scopes":["a",5],"scope":"c"}"#, &[]),
            (r#"{"scopes":["a b"]}"#, &["a b"]),
            (r#"{}"#, &[]),
        ];
        for (text, expected) in cases {
            let document =
                JsonDocument::parse(text.as_bytes(), Duplicates::Refuse).expect("is JSON");
            let scopes = ScopeSet::read(document.object().expect("object"), &claims);
            assert_eq!(scopes.iter().collect::<Vec<_>>(), *expected, "{text}");
            assert!(!scopes.contains("c") || text.contains("\"c "), "{text}");
        }
    }
}
