//! An admission before its DPoP proof is used up.

use std::fmt;

use crate::authn::authenticator::attempt::TokenDenial;
use crate::authn::error::AuthenticationError;
use crate::authz::answer::Admission;
use crate::authz::record::{DecisionRecord, TokenRecord};
use crate::proof::dpop::FreshProof;
use crate::token::binding_error::BindingError;
use crate::token::error::TokenError;
use crate::token::numeric_date::NumericDate;

/// A request that passed every step, or that a rule on trial admits. Its DPoP proof, if the token needs one, is used up
/// last, so that a denied request does not use a proof up.
pub struct PendingAdmission {
    pub(in crate::authz) record: DecisionRecord,
    pub(in crate::authz) change: RequestChange,
    /// `None` if the request needs no proof.
    pub(in crate::authz) proof: Option<Box<FreshProof>>,
    /// When the request was judged.
    pub(in crate::authz) judged: NumericDate,
    /// The change that a rule on trial makes if the proof cannot be used: that of a request without a token.
    pub(in crate::authz) on_trial: Option<Box<RequestChange>>,
}

/// What is done to an admitted request.
pub(in crate::authz) struct RequestChange {
    pub(in crate::authz) admission: Admission,
    /// How many cookies are left out with the token.
    pub(in crate::authz) dropped_cookies: usize,
}

impl PendingAdmission {
    /// The record of the denial of a request whose proof cannot be used.
    pub(in crate::authz) fn refusal(&self, error: BindingError) -> DecisionRecord {
        let error = AuthenticationError::from(TokenError::Binding(error));
        let record = &self.record;
        let denial = match &record.token {
            TokenRecord::Verified(identity) => {
                TokenDenial::of_verified(identity, error, record.cache)
            }
            TokenRecord::NotRead | TokenRecord::NotAccepted { .. } => error.into(),
        };
        DecisionRecord::token_denied(denial, record.rule.clone())
    }
}

impl fmt::Debug for PendingAdmission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingAdmission({:?})", self.record.reason)
    }
}
