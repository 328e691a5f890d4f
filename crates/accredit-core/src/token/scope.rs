//! The scopes of a token.

use foldhash::HashSet;

use crate::jose::json::TextRange;
use crate::jose::json::value::{JsonObject, JsonValue};
use crate::token::accepted_texts::MAX_COMPARED;
use crate::token::claim_name::ClaimName;
use crate::token::claims::Claims;

/// A token's scopes (RFC 6749 section 3.3) in their order.
#[derive(Clone, Copy)]
pub struct Scopes<'a> {
    claims: &'a Claims,
    ranges: &'a [TextRange],
}

/// Where the scopes of a token are in its claims.
#[derive(Clone)]
pub struct ScopeRanges(Box<[TextRange]>);

impl ScopeRanges {
    /// Reads the first of these claims that the token has and that is not `null` (CONTRACT 3.7.4).
    ///
    /// A value that is neither a string nor an array of strings gives no scopes. The next claim is not read instead: it
    /// could grant more.
    pub fn read(claims: &Claims, scope_claims: &[ClaimName]) -> ScopeRanges {
        let value = scope_value(claims.object(), scope_claims);
        let elements = value.and_then(JsonValue::as_array).into_iter().flatten();
        let elements = elements.filter_map(JsonValue::text_range);
        let text = value.and_then(|value| Some((value.as_str()?, value.text_range()?)));
        let words = text
            .into_iter()
            .flat_map(|(text, range)| words(text, range));
        ScopeRanges(words.chain(elements).collect())
    }

    /// The scopes in these claims.
    pub fn of<'a>(&'a self, claims: &'a Claims) -> Scopes<'a> {
        Scopes {
            claims,
            ranges: &self.0,
        }
    }

    /// The memory that they occupy beside their own size, in bytes.
    pub(in crate::token) fn heap_weight(&self) -> usize {
        size_of_val(&*self.0)
    }
}

impl<'a> Scopes<'a> {
    pub fn contains(self, scope: &str) -> bool {
        self.iter().any(|own| own == scope)
    }

    /// Whether the token has all of these scopes. With many on both sides, each of these is looked up instead of compared with
    /// each of the token.
    pub fn contain_all(self, required: &[String]) -> bool {
        if required.len() <= MAX_COMPARED || self.ranges.len() <= MAX_COMPARED {
            return required.iter().all(|scope| self.contains(scope));
        }
        let own: HashSet<&str> = self.iter().collect();
        required.iter().all(|scope| own.contains(scope.as_str()))
    }

    /// The scopes in the order of the token.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.ranges
            .iter()
            .map(move |range| self.claims.text_in(*range))
    }
}

/// The range of each word of `text`, which is at `range` in the claims.
fn words(text: &str, range: TextRange) -> impl Iterator<Item = TextRange> {
    let mut offset = 0;
    let words = text.split(' ').map(move |word| {
        let own = range.part(offset, word.len());
        offset += word.len() + 1;
        (word, own)
    });
    words
        .filter(|(word, _)| !word.is_empty())
        .map(|(_, range)| range)
}

fn scope_claim<'a>(claims: JsonObject<'a>, scope_claims: &[ClaimName]) -> Option<JsonValue<'a>> {
    scope_claims.iter().find_map(|name| name.find(claims))
}

/// The claim that carries the scopes. `None` also if its value gives no scopes: it must not reach an upstream as scopes.
pub fn scope_value<'a>(
    claims: JsonObject<'a>,
    scope_claims: &[ClaimName],
) -> Option<JsonValue<'a>> {
    scope_claim(claims, scope_claims).filter(|value| gives_scopes(*value))
}

/// Whether the value is a string or an array of strings.
fn gives_scopes(value: JsonValue<'_>) -> bool {
    let is_text = |value: JsonValue<'_>| value.as_str().is_some();
    is_text(value)
        || value
            .as_array()
            .is_some_and(|scopes| scopes.iter().all(is_text))
}

#[cfg(test)]
mod tests {
    use super::{MAX_COMPARED, ScopeRanges};
    use crate::token::claim_name::ClaimName;
    use crate::token::claims::Claims;

    #[test]
    fn the_first_scope_claim_that_is_present_gives_the_scopes() {
        let claims = ["scopes", "scp", "scope", "realm_access.roles"]
            .map(|name| ClaimName::dotted(name).expect("is a name"));
        let cases: &[(&str, &[&str])] = &[
            (r#"{"scopes":["a","b"],"scope":"c"}"#, &["a", "b"]),
            (r#"{"scope":"c  d "}"#, &["c", "d"]),
            (r#"{"scope":" \u00e9 \"d\u0020e"}"#, &["é", "\"d", "e"]),
            (r#"{"scp":["a\u0062","d"]}"#, &["ab", "d"]),
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
            let token = Claims::parse(text.as_bytes()).expect("are claims");
            let ranges = ScopeRanges::read(&token, &claims);
            let scopes = ranges.of(&token);
            assert_eq!(scopes.iter().collect::<Vec<_>>(), *expected, "{text}");
            assert!(!scopes.contains("c") || text.contains("\"c "), "{text}");
        }
    }

    #[test]
    fn all_scopes_are_required_of_few_and_of_many() {
        let names = |count: usize| -> Vec<String> {
            (0..count).map(|number| format!("s{number}")).collect()
        };
        let scopes_claim = [ClaimName::dotted("scopes").expect("is a name")];
        for own in [1, MAX_COMPARED, MAX_COMPARED + 1, 1_000] {
            let token = serde_json::json!({"scopes": names(own)}).to_string();
            let token = Claims::parse(token.as_bytes()).expect("are claims");
            let ranges = ScopeRanges::read(&token, &scopes_claim);
            let scopes = ranges.of(&token);
            for required in [0, 1, own - 1, own] {
                assert!(scopes.contain_all(&names(required)), "{own} {required}");
            }
            assert!(!scopes.contain_all(&names(own + 1)), "{own}");
            assert!(!scopes.contain_all(&["S0".to_owned()]), "{own}");
        }
        let token = Claims::parse(b"{}").expect("are claims");
        let none = ScopeRanges::read(&token, &scopes_claim);
        assert!(!none.of(&token).contain_all(&names(1)));
    }
}
