//! Rules on trial (CONTRACT 8.7).

use crate::authn::removal::TokenRemoval;
use crate::authz::authorizer::{Authorizer, Decided};
use crate::authz::condition_input::RequestAtMoment;
use crate::authz::denial::Denial;
use crate::authz::record::DecisionRecord;
use crate::forward::strip::TokenForwarding;
use crate::reason::Reason;
use crate::request::Request;
use crate::rules::rule::{Access, Rule};

impl Authorizer {
    /// A rule on trial admits what it would refuse, and the record keeps the true reason (CONTRACT 8.7). It does not admit an
    /// ambiguous credential, nor a token that `forward_token: false` requires to be removed and that accredit cannot find.
    pub(super) fn on_trial(
        &self,
        decided: Decided,
        rule: &Rule,
        input: &RequestAtMoment<'_>,
    ) -> Decided {
        let (record, form) = match decided {
            Decided::Deny(record, form) if rule.is_on_trial(input.moment.wall) => (record, form),
            decided => return decided,
        };
        let is_own_denial = record.denial.as_ref().is_some_and(can_be_on_trial);
        // As for `anonymous` and `optional` (CONTRACT 3.10.4): an ambiguous path is never admitted without an accepted token.
        if !is_own_denial || input.facts.path.is_ambiguous() {
            return Decided::Deny(record, form);
        }
        let Some(removal) = self.trial_removal(rule, input.request) else {
            return Decided::Deny(record, form);
        };
        // Claim headers are set from a verified token only (CONTRACT 8.7.4).
        let identity = record.identity().cloned();
        let admission = self.admission(identity, removal, input.request);
        let record = DecisionRecord {
            is_shadow: true,
            ..record
        };
        Decided::Admit(record, admission)
    }

    /// What removes the token from a request that a trial admits. `None` if it cannot be removed although it must be.
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

/// Whether the denial is the rule's own. A fault of accredit, an overload and an ambiguous request are none.
fn can_be_on_trial(denial: &Denial) -> bool {
    match denial.reason() {
        Reason::InternalError | Reason::Overloaded | Reason::InvalidRequest => false,
        _ => matches!(denial, Denial::Unauthenticated(_) | Denial::Forbidden(_)),
    }
}
