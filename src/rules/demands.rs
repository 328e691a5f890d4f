//! What a rule demands of a verified token, in the order of the reasons.

use std::sync::Arc;

use crate::rules::condition::{Condition, Judgement};
use crate::token::claims::Audience;
use crate::token::verified::VerifiedToken;

/// A rule's demands; none of them is a verified token and no more.
#[derive(Debug, Default)]
pub struct Demands {
    /// One of these issuers.
    pub issuers: Option<Vec<Arc<str>>>,
    /// `aud` must hold one of these too.
    pub audiences: Option<Vec<String>>,
    /// All of these scopes.
    pub scopes: Vec<String>,
    /// At least one of these.
    pub any_scope: Vec<String>,
    /// What must hold.
    pub when: Option<Condition>,
}

/// Why a rule does not admit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `access: deny`
    Denied,
    /// The token's issuer is none of the rule's.
    IssuerNotAllowed,
    /// The token's audience is none of the rule's.
    InvalidAudience,
    /// Scopes are missing.
    InsufficientScope {
        /// Those that the rule asks for, as RFC 6750 lists them.
        required: Arc<str>,
    },
    /// `when` is false, or failed.
    ConditionFailed {
        /// What the operator lets the caller know.
        message: Option<Arc<str>>,
    },
}

impl Demands {
    /// Whether more is asked for than a verified token.
    pub fn asks_for_more(&self) -> bool {
        self.issuers.is_some()
            || self.audiences.is_some()
            || !self.scopes.is_empty()
            || !self.any_scope.is_empty()
            || self.when.is_some()
    }

    /// Judges a verified token, but for the condition.
    ///
    /// # Errors
    /// The first demand that it fails.
    pub fn judge_token(&self, issuer: &str, token: &VerifiedToken) -> Result<(), Refusal> {
        if self
            .issuers
            .as_ref()
            .is_some_and(|issuers| issuers.iter().all(|own| &**own != issuer))
        {
            return Err(Refusal::IssuerNotAllowed);
        }
        if self
            .audiences
            .as_ref()
            .is_some_and(|audiences| !names_one_of(&token.claims().audience(), audiences))
        {
            return Err(Refusal::InvalidAudience);
        }
        let has_all = self
            .scopes
            .iter()
            .all(|scope| token.scopes().contains(scope));
        let has_any = self.any_scope.is_empty()
            || self
                .any_scope
                .iter()
                .any(|scope| token.scopes().contains(scope));
        if has_all && has_any {
            Ok(())
        } else {
            Err(Refusal::InsufficientScope {
                required: self.required_scope(),
            })
        }
    }

    /// The rule's `scopes`, else its `any_scope`.
    fn required_scope(&self) -> Arc<str> {
        let listed = if self.scopes.is_empty() {
            &self.any_scope
        } else {
            &self.scopes
        };
        listed.join(" ").into()
    }
}

impl Refusal {
    /// The refusal that a condition leads to, if it does.
    pub fn of(judgement: Judgement) -> Result<(), Refusal> {
        match judgement {
            Judgement::Holds => Ok(()),
            Judgement::Fails { message } => Err(Refusal::ConditionFailed { message }),
        }
    }
}

fn names_one_of(audience: &Audience<'_>, accepted: &[String]) -> bool {
    match audience {
        Audience::Absent => false,
        Audience::Named(named) => named
            .iter()
            .any(|audience| accepted.iter().any(|own| own == audience)),
    }
}
