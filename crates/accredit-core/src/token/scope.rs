//! The scopes of a token.

use crate::jose::json::{JsonObject, JsonValue};
use crate::token::claim_name::ClaimName;

/// A token's scopes (RFC 6749 section 3.3) in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(Vec<String>);

impl ScopeSet {
    /// Reads the first of these claims that the token has and that is not `null` (CONTRACT 3.7.4).
    ///
    /// A value that is neither a string nor an array of strings gives no scopes. The next claim is not read instead: it
    /// could grant more.
    pub fn read(claims: &JsonObject, scope_claims: &[ClaimName]) -> ScopeSet {
        match scope_claim(claims, scope_claims) {
            Some(value) => ScopeSet(scopes_of(value).unwrap_or_default()),
            None => ScopeSet::default(),
        }
    }

    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own == scope)
    }

    /// The scopes in the order of the token.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The memory that the set occupies, in bytes. Approximate.
    pub fn weight(&self) -> usize {
        self.0
            .iter()
            .map(|scope| size_of::<String>() + scope.len())
            .sum()
    }
}

fn scope_claim<'a>(claims: &'a JsonObject, scope_claims: &[ClaimName]) -> Option<&'a JsonValue> {
    scope_claims.iter().find_map(|name| name.find(claims))
}

/// The claim that carries the scopes. `None` also if its value gives no scopes: it must not reach an upstream as scopes.
pub fn scope_value<'a>(
    claims: &'a JsonObject,
    scope_claims: &[ClaimName],
) -> Option<&'a JsonValue> {
    scope_claim(claims, scope_claims).filter(|value| scopes_of(value).is_some())
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
    use crate::token::claim_name::ClaimName;

    #[test]
    fn the_first_scope_claim_that_is_present_gives_the_scopes() {
        let claims = ["scopes", "scp", "scope", "realm_access.roles"]
            .map(|name| ClaimName::dotted(name).expect("is a name"));
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
            (r#"{"realm_access":{"roles":["g"]}}"#, &["g"]),
            (r#"{"realm_access":{"roles":{}},"scope":null}"#, &[]),
            (r#"{"realm_access.roles":["g"]}"#, &[]),
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
