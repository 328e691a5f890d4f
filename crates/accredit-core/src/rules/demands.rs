//! What a rule requires of a verified token, in the order of the steps (CONTRACT 4.1.1, steps 22 to 27).

use std::sync::Arc;

use crate::expression::failure::EvaluationFailure;
use crate::rules::condition::Condition;
use crate::token::accepted_texts::AcceptedTexts;
use crate::token::claim_demand::{ClaimDemand, UnmetClaim, check_all};
use crate::token::verified::VerifiedToken;

/// The requirements of a rule. The default requires nothing beyond a verified token.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// The token's issuer must be one of these.
    pub issuers: Option<Vec<Arc<str>>>,
    /// `aud` must contain one of these.
    pub audiences: Option<AcceptedTexts>,
    /// The token must have all of these scopes.
    pub scopes: Vec<String>,
    /// The token must have at least one of these scopes, if there are any.
    pub any_scope: AcceptedTexts,
    /// Each of these claims must have one of its values.
    pub claims: Vec<ClaimDemand>,
    pub when: Option<Condition>,
}

/// The requirement of scopes that a token does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeDemand {
    /// `scopes`
    All,
    /// `any_scope`
    Any,
}

/// Why a rule denies a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleDenial {
    /// The rule has `access: deny`.
    AccessDenied,
    IssuerNotAllowed,
    InvalidAudience,
    InsufficientScope {
        /// The first of the two that the token does not meet.
        unmet: ScopeDemand,
        /// The scopes for the challenge, separated by spaces (RFC 6750 section 3).
        required: Arc<str>,
    },
    /// Clients do not see which claim it is.
    ClaimMismatch(UnmetClaim),
    ConditionFailed {
        /// The operator's text for the client.
        message: Option<Arc<str>>,
        /// Why the condition does not hold. Clients do not see it.
        cause: EvaluationFailure,
    },
}

impl Demands {
    /// Whether the rule requires more than a verified token.
    pub(crate) fn exceed_verified_token(&self) -> bool {
        self.issuers.is_some()
            || self.audiences.is_some()
            || !self.scopes.is_empty()
            || !self.any_scope.is_empty()
            || !self.claims.is_empty()
            || self.when.is_some()
    }

    /// Whether the rule accepts tokens of that issuer. `issuer` is the configured name, which can have a placeholder for the tenant;
    /// `iss` gives the token's own.
    pub(crate) fn accept_issuer<'a>(&self, issuer: &str, iss: impl FnOnce() -> &'a str) -> bool {
        let Some(issuers) = &self.issuers else {
            return true;
        };
        let names = |wanted: &str| issuers.iter().any(|own| &**own == wanted);
        names(issuer) || names(iss())
    }

    /// Checks everything but the condition. `issuer` and `iss` are those of [`Demands::accept_issuer`].
    ///
    /// # Errors
    /// The first requirement that the token does not meet.
    pub(crate) fn check_token<'a>(
        &self,
        issuer: &str,
        iss: impl FnOnce() -> &'a str,
        token: &VerifiedToken,
    ) -> Result<(), RuleDenial> {
        if !self.accept_issuer(issuer, iss) {
            return Err(RuleDenial::IssuerNotAllowed);
        }
        if let Some(audiences) = &self.audiences
            && !token.has_audience_of(audiences)
        {
            return Err(RuleDenial::InvalidAudience);
        }
        let has_any = || {
            token
                .scopes()
                .iter()
                .any(|scope| self.any_scope.contains(scope))
        };
        let unmet = if !token.scopes().contain_all(&self.scopes) {
            Some(ScopeDemand::All)
        } else if !(self.any_scope.is_empty() || has_any()) {
            Some(ScopeDemand::Any)
        } else {
            None
        };
        if let Some(unmet) = unmet {
            let required: &[String] = if self.scopes.is_empty() {
                &self.any_scope
            } else {
                &self.scopes
            };
            return Err(RuleDenial::InsufficientScope {
                unmet,
                required: required.join(" ").into(),
            });
        }
        check_all(&self.claims, token.claims()).map_err(RuleDenial::ClaimMismatch)
    }
}
