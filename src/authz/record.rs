//! One decision as metrics, logs and traces tell of it; never its token.

use crate::authn::authenticator::Recall;
use crate::authn::error::Error;
use crate::authn::identity::Identity;
use crate::authz::decision::Decision;
use crate::authz::denial::Denial;

/// What may be said of a decision: configured names, held key ids, and a verified token's identity.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// Why.
    pub reason: &'static str,
    /// The rule that decided.
    pub rule: &'a str,
    /// The configured issuer that the token names.
    pub issuer: Option<&'a str>,
    /// The held key that the token names.
    pub key_id: Option<&'a str>,
    /// Whose token was verified.
    pub identity: Option<&'a Identity>,
    /// Whether the token was remembered, where one was looked for.
    pub recall: Option<Recall>,
    token_was_looked_at: bool,
}

impl<'a> Record<'a> {
    /// What may be said of that decision.
    pub fn of(decision: &'a Decision) -> Record<'a> {
        match decision {
            Decision::Allow(grant) => Record {
                decision: "allow",
                reason: if grant.identity.is_some() {
                    "allowed"
                } else {
                    "anonymous"
                },
                rule: &grant.rule,
                issuer: grant
                    .identity
                    .as_ref()
                    .map(|identity| &*identity.issuer_name),
                key_id: grant
                    .identity
                    .as_ref()
                    .and_then(|identity| identity.key_id.as_deref()),
                identity: grant.identity.as_deref(),
                recall: grant.recall,
                token_was_looked_at: grant.identity.is_some(),
            },
            Decision::Deny(refused) => Record {
                decision: "deny",
                reason: refused.denial.code(),
                rule: &refused.rule,
                issuer: refused.issuer.as_deref(),
                key_id: refused.key_id.as_deref(),
                identity: refused.identity.as_deref(),
                recall: refused.recall,
                token_was_looked_at: refused.identity.is_some() || is_of_a_token(&refused.denial),
            },
        }
    }

    /// The issuer as a label: a stranger's `iss` is never one.
    pub fn issuer_label(&self) -> &'a str {
        match self.issuer {
            Some(issuer) => issuer,
            None if self.token_was_looked_at => "unknown",
            None => "none",
        }
    }
}

fn is_of_a_token(denial: &Denial) -> bool {
    match denial {
        Denial::Unauthenticated(error) => {
            !matches!(error, Error::MissingToken | Error::AmbiguousCredential(_))
        }
        Denial::InvalidRequest(_)
        | Denial::Forbidden(_)
        | Denial::Overloaded
        | Denial::Internal => false,
    }
}
