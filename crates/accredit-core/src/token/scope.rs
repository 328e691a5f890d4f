//! The scopes of a token.

use foldhash::HashSet;

use crate::jose::json::{JsonObject, JsonValue};
use crate::token::accepted_texts::MAX_COMPARED;
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
        scope_value(claims, scope_claims).map_or_else(ScopeSet::default, ScopeSet::of)
    }

    /// The scopes of a value that gives scopes.
    fn of(value: &JsonValue) -> ScopeSet {
        let elements = value.as_array().unwrap_or_default();
        let elements = elements.iter().filter_map(JsonValue::as_str);
        let words = value.as_str().into_iter();
        let words = words.flat_map(|text| text.split(' ').filter(|scope| !scope.is_empty()));
        ScopeSet(words.chain(elements).map(str::to_owned).collect())
    }

    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own == scope)
    }

    /// Whether the token has all of these scopes. With many on both sides, each of these is looked up instead of compared with
    /// each of the token.
    pub fn contain_all(&self, required: &[String]) -> bool {
        if required.len() <= MAX_COMPARED || self.0.len() <= MAX_COMPARED {
            return required.iter().all(|scope| self.contains(scope));
        }
        let own: HashSet<&str> = self.iter().collect();
        required.iter().all(|scope| own.contains(scope.as_str()))
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
    scope_claim(claims, scope_claims).filter(|value| gives_scopes(value))
}

/// Whether the value is a string or an array of strings.
fn gives_scopes(value: &JsonValue) -> bool {
    let is_text = |value: &JsonValue| value.as_str().is_some();
    is_text(value)
        || value
            .as_array()
            .is_some_and(|scopes| scopes.iter().all(is_text))
}

#[cfg(test)]
mod tests {
    use super::{MAX_COMPARED, ScopeSet};
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

    #[test]
    fn all_scopes_are_required_of_few_and_of_many() {
        let names = |count: usize| -> Vec<String> {
            (0..count).map(|number| format!("s{number}")).collect()
        };
        for own in [1, MAX_COMPARED, MAX_COMPARED + 1, 1_000] {
            let scopes = ScopeSet(names(own));
            for required in [0, 1, own - 1, own] {
                assert!(scopes.contain_all(&names(required)), "{own} {required}");
            }
            assert!(!scopes.contain_all(&names(own + 1)), "{own}");
            assert!(!scopes.contain_all(&["S0".to_owned()]), "{own}");
        }
        assert!(!ScopeSet::default().contain_all(&names(1)));
    }
}
