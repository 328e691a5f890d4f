//! The requirements of an issuer entry on its tokens.

use std::time::Duration;

use crate::jose::algorithm::AlgorithmSet;
use crate::token::claim_demand::ClaimDemand;
use crate::token::claim_name::ClaimName;

/// The requirements of an issuer entry on its tokens. [`crate::token::verified`] checks them.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirements {
    pub algorithms: AlgorithmSet,
    pub audiences: Audiences,
    /// The first of these claims that the token has is its audience.
    pub audience_claims: Vec<ClaimName>,
    pub token_types: TokenTypes,
    /// The permitted difference between the clocks of the issuer and of accredit.
    pub clock_skew: Duration,
    /// The maximum of `exp` - `iat`, inclusive. It makes `iat` required.
    pub max_lifetime: Option<Duration>,
    /// Claims that a token must have, besides `exp`.
    pub required_claims: Vec<ClaimName>,
    /// The first of these claims that the token has carries its scopes.
    pub scope_claims: Vec<ClaimName>,
    /// Each of these claims must have one of its values.
    pub claims: Vec<ClaimDemand>,
    pub binding: Binding,
}

/// The accepted audiences (RFC 7519 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audiences {
    /// The audience is not checked.
    Any,
    /// The token's audience must contain one of these.
    OneOf {
        /// Compared character by character.
        accepted: Vec<String>,
        absent: AbsentAudience,
    },
}

/// How accredit treats a token without an audience. A token with a wrong audience never passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsentAudience {
    Refuse,
    Accept,
}

/// How accredit treats a sender-constrained token (`cnf`, RFC 7800).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The token is refused unless its proof was checked.
    Enforce,
    /// The token passes as a bearer token.
    Ignore,
}

/// The accepted values of the header `typ` (RFC 7515 section 4.1.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTypes(Vec<String>);

impl TokenTypes {
    /// Whether a token with this `typ` is accepted. A token without `typ` is.
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
    fn token_types_are_compared_without_case_and_application_prefix() {
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
