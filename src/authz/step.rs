//! The steps of a decision, and how each can end.

use std::fmt;

/// The steps of a decision, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The host has one reading, where one is needed.
    Host,
    /// The path has one reading, where one is needed.
    Path,
    /// A rule is chosen, and it is no `deny`.
    Rule,
    /// The request carries one token, where one is needed.
    Credential,
    /// The token is a well-formed JWT.
    Form,
    /// `iss`
    Issuer,
    /// `alg`
    Algorithm,
    /// `typ`
    Type,
    /// A key of the issuer may have signed it.
    Key,
    /// That key has.
    Signature,
    /// `cnf`
    Binding,
    /// `exp`
    Expiry,
    /// `nbf`
    NotBefore,
    /// `iat`
    IssuedAt,
    /// `aud`
    Audience,
    /// Claims that must be there.
    RequiredClaims,
    /// From `iat` to `exp`.
    Lifetime,
    /// The rule's `issuers`.
    RuleIssuers,
    /// The rule's `audiences`.
    RuleAudiences,
    /// The rule's `scopes` and `any_scope`.
    Scopes,
    /// The rule's `when`.
    Condition,
}

/// How one step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// It holds.
    Passed,
    /// It does not, and is the reason.
    Failed,
    /// Nobody asks for it.
    NotAsked,
    /// An earlier step failed.
    NotReached,
}

impl Step {
    /// Every step in its order.
    pub const ALL: [Step; 21] = [
        Step::Host,
        Step::Path,
        Step::Rule,
        Step::Credential,
        Step::Form,
        Step::Issuer,
        Step::Algorithm,
        Step::Type,
        Step::Key,
        Step::Signature,
        Step::Binding,
        Step::Expiry,
        Step::NotBefore,
        Step::IssuedAt,
        Step::Audience,
        Step::RequiredClaims,
        Step::Lifetime,
        Step::RuleIssuers,
        Step::RuleAudiences,
        Step::Scopes,
        Step::Condition,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Step::Host => "host",
            Step::Path => "path",
            Step::Rule => "rule",
            Step::Credential => "credential",
            Step::Form => "form",
            Step::Issuer => "iss",
            Step::Algorithm => "alg",
            Step::Type => "typ",
            Step::Key => "key",
            Step::Signature => "signature",
            Step::Binding => "cnf",
            Step::Expiry => "exp",
            Step::NotBefore => "nbf",
            Step::IssuedAt => "iat",
            Step::Audience => "aud",
            Step::RequiredClaims => "required_claims",
            Step::Lifetime => "max_lifetime",
            Step::RuleIssuers => "issuers",
            Step::RuleAudiences => "audiences",
            Step::Scopes => "scopes",
            Step::Condition => "when",
        }
    }

    /// Whether it asks something of the token itself.
    pub fn is_of_token(self) -> bool {
        (Step::Form..=Step::Lifetime).contains(&self)
    }
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StepOutcome::Passed => "passed",
            StepOutcome::Failed => "failed",
            StepOutcome::NotAsked => "not_asked",
            StepOutcome::NotReached => "not_reached",
        })
    }
}
