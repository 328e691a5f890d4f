//! What an issuer's tokens must satisfy.

use std::time::Duration;

use crate::jose::algorithm::AlgorithmSet;
use crate::token::claim_name::ClaimName;

/// One issuer's demands on its tokens, judged in [`crate::token::verified`].
#[derive(Clone, Debug, PartialEq)]
pub struct Requirements {
    /// The accepted signature algorithms.
    pub algorithms: AlgorithmSet,
    /// Whom the token must be meant for.
    pub audiences: Audiences,
    /// The accepted header types.
    pub token_types: TokenTypes,
    /// How far clocks may differ.
    pub clock_skew: Duration,
    /// The longest time from `iat` to `exp`, inclusive; makes `iat` required.
    pub max_lifetime: Option<Duration>,
    /// Claims that must be there beside `exp`.
    pub required_claims: Vec<ClaimName>,
    /// The claims that may carry scopes; the first that a token has decides.
    pub scope_claims: Vec<String>,
    /// What becomes of a token with `cnf`.
    pub binding: Binding,
}

/// Whom a token must be meant for (RFC 7519 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audiences {
    /// `aud` is not looked at.
    Any,
    /// `aud` must hold one of these.
    OneOf {
        /// Compared character by character.
        accepted: Vec<String>,
        /// What becomes of a token without `aud`.
        absent: AbsentAudience,
    },
}

/// What becomes of a token that has no `aud` at all; one with an empty or wrong `aud` never passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsentAudience {
    /// It is refused.
    Refuse,
    /// It passes.
    Accept,
}

/// What becomes of a sender-constrained token (`cnf`, RFC 7800).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// It is refused unless its proof was checked.
    Enforce,
    /// It passes as a bearer token.
    Ignore,
}

/// The accepted values of the header `typ` (RFC 7515 section 4.1.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTypes(Vec<String>);

impl TokenTypes {
    /// Whether a token with this `typ` is accepted; one without is.
    pub fn accept(&self, typ: Option<&str>) -> bool {
        typ.is_none_or(|typ| {
            let typ = without_application_prefix(typ);
            self.0
                .iter()
                .any(|accepted| accepted.eq_ignore_ascii_case(typ))
        })
    }
}

impl<S: AsRef<str>> FromIterator<S> for TokenTypes {
    fn from_iter<I: IntoIterator<Item = S>>(types: I) -> Self {
        let types = types.into_iter();
        TokenTypes(
            types
                .map(|typ| without_application_prefix(typ.as_ref()).to_owned())
                .collect(),
        )
    }
}

fn without_application_prefix(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => typ,
    }
}

#[cfg(test)]
mod tests {
    use super::TokenTypes;

    #[test]
    fn types_are_compared_as_media_types() {
        let types: TokenTypes = ["JWT", "application/at+jwt"].into_iter().collect();
        for typ in [
            None,
            Some("jwt"),
            Some("JWT"),
            Some("at+JWT"),
            Some("Application/AT+jwt"),
            Some("application/jwt"),
        ] {
            assert!(types.accept(typ), "{typ:?}");
        }
        for typ in [
            "",
            "dpop+jwt",
            "application/",
            "text/jwt",
            "application/application/jwt",
            "applicatioé/jwt",
        ] {
            assert!(!types.accept(Some(typ)), "{typ:?}");
        }
    }
}
