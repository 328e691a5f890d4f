//! The steps of a decision (CONTRACT 4.1.1), and the outcomes of a step.

use std::fmt;

/// The 27 steps of a decision, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Fewer checks are in flight than `max_concurrent_checks`.
    Overload,
    /// Envoy's message can be read.
    Message,
    /// The host is valid, if a rule needs it.
    Host,
    /// The method and the path are not ambiguous, if a rule needs them.
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
    /// The rule's `scopes`.
    Scopes,
    /// The rule's `any_scope`.
    AnyScope,
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
    /// An earlier step failed, or the step was left out because accredit has no key for the token (CONTRACT 4.1.3).
    NotReached,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 27] = [
        Step::Overload,
        Step::Message,
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
        Step::AnyScope,
        Step::RuleClaims,
        Step::Condition,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Step::Overload => "overload",
            Step::Message => "message",
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
            Step::AnyScope => "any_scope",
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
