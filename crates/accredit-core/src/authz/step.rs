//! The steps of a decision (CONTRACT 4.1.1), and the outcomes of a step.

use std::fmt;

/// The steps of a decision, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The host is valid, if a rule needs it.
    Host,
    /// The path is not ambiguous, if a rule needs it.
    Path,
    /// The rule is not `deny`.
    Rule,
    /// The request has one token, if the rule needs one.
    Credential,
    /// The token is a well-formed JWT.
    Form,
    /// `iss`
    Issuer,
    /// `alg`
    Algorithm,
    /// `typ`
    Type,
    /// accredit holds a key of the issuer that fits the token.
    Key,
    /// The signature of the token is valid under that key.
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
    /// `required_claims`
    RequiredClaims,
    /// `max_lifetime`
    Lifetime,
    /// `claims` of the issuer entry.
    IssuerClaims,
    /// The deny list does not name the token.
    DenyList,
    /// The rule's `issuers`.
    RuleIssuers,
    /// The rule's `audiences`.
    RuleAudiences,
    /// The rule's `scopes` and `any_scope`.
    Scopes,
    /// The rule's `claims`.
    RuleClaims,
    /// The rule's `when`.
    Condition,
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    Passed,
    /// The step gave the reason.
    Failed,
    /// Neither the configuration nor the rule requires the step.
    NotRequired,
    /// An earlier step failed.
    NotReached,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 24] = [
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
        Step::IssuerClaims,
        Step::DenyList,
        Step::RuleIssuers,
        Step::RuleAudiences,
        Step::Scopes,
        Step::RuleClaims,
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
            Step::IssuerClaims => "issuer_claims",
            Step::DenyList => "revoked",
            Step::RuleIssuers => "issuers",
            Step::RuleAudiences => "audiences",
            Step::Scopes => "scopes",
            Step::RuleClaims => "claims",
            Step::Condition => "when",
        }
    }

    /// Whether the step judges the token itself.
    pub fn is_of_token(self) -> bool {
        (Step::Form..=Step::DenyList).contains(&self)
    }
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StepOutcome::Passed => "passed",
            StepOutcome::Failed => "failed",
            StepOutcome::NotRequired => "not_required",
            StepOutcome::NotReached => "not_reached",
        })
    }
}
