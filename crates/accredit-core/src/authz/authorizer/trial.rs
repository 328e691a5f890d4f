//! Rules on trial (CONTRACT 8.7).

use crate::authn::removal::TokenRemoval;
use crate::authz::authorizer::{Authorizer, Decided, Refused};
use crate::authz::condition_input::RequestAtMoment;
use crate::authz::denial::Denial;
use crate::authz::pending_admission::PendingAdmission;
use crate::authz::record::DecisionRecord;
use crate::forward::strip::TokenForwarding;
use crate::reason::Reason;
use crate::request::Request;
use crate::rules::rule::{Access, Rule};

impl Authorizer {
    /// A rule on trial admits a request that it would deny, and the record keeps the true reason (CONTRACT 8.7). It
    /// does not admit an ambiguous credential, nor a token that `forward_token: false` requires to be removed and that
    /// accredit cannot find.
    ///
    /// An admission with the claim headers of a bound token uses its proof up, as any other admission. An admission
    /// although the token was not accepted uses no proof up: it is treated like a request without a token.
    ///
    /// It is called for a rule on trial only.
    pub(super) fn on_trial(
        &self,
        decided: Decided,
        rule: &Rule,
        input: &RequestAtMoment<'_>,
    ) -> Decided {
        let refused = match decided {
            Decided::Deny(refused) => refused,
            decided => return decided,
        };
        // As for `anonymous` and `optional` (CONTRACT 3.10.4): an ambiguous path is never admitted without an accepted token.
        if !can_be_on_trial(&refused.record) || input.facts.path.is_ambiguous() {
            return Decided::Deny(refused);
        }
        let Some(removal) = self.trial_removal(rule, input.request) else {
            return Decided::Deny(refused);
        };
        let Refused { record, proof, .. } = refused;
        // Claim headers are set from a verified token only (CONTRACT 8.7.4).
        let identity = record.identity().cloned();
        Decided::Admit(PendingAdmission {
            change: self.change(identity, removal, input.request),
            record: DecisionRecord {
                is_shadow: true,
                ..record
            },
            proof,
            judged: input.moment.wall,
            on_trial: None,
        })
    }

    /// The change that removes the token from a request that a rule on trial admits. `None` if the token has to be
    /// removed and cannot be.
    fn trial_removal(&self, rule: &Rule, request: &Request<'_>) -> Option<TokenRemoval> {
        let forwarding = rule.token_forwarding.unwrap_or(self.forwarding);
        // CONTRACT 3.12.2: an `anonymous` rule neither reads nor removes a credential.
        if forwarding == TokenForwarding::Keep || matches!(rule.access, Access::Anonymous { .. }) {
            return Some(TokenRemoval::default());
        }
        match self.sources.extract(request).ok()? {
            Some(credential) => TokenRemoval::of(&credential, request).ok(),
            None => Some(TokenRemoval::default()),
        }
    }
}

/// Whether the rule caused the denial. A fault of accredit, an overload and an ambiguous request are not caused by a rule.
pub(super) fn can_be_on_trial(record: &DecisionRecord) -> bool {
    match record.reason {
        Reason::InternalError | Reason::Overloaded | Reason::InvalidRequest => false,
        _ => matches!(
            record.denial,
            Some(Denial::Unauthenticated(_) | Denial::Forbidden(_))
        ),
    }
}
