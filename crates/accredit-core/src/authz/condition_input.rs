//! The values that a condition reads (CONTRACT 3.11.3). They are collected only if the rule has a condition.

use crate::authn::identity::Identity;
use crate::authn::moment::Moment;
use crate::request::Request;
use crate::rules::condition::Condition;
use crate::rules::demands::RuleDenial;
use crate::rules::expression::variables::Variables;
use crate::rules::facts::Facts;

/// A request at a moment.
#[derive(Clone, Copy)]
pub struct RequestAtMoment<'a> {
    pub request: &'a Request<'a>,
    /// Its host and path as rules match them.
    pub facts: &'a Facts<'a>,
    pub moment: Moment,
}

impl RequestAtMoment<'_> {
    /// Judges a condition, if there is one. Without an identity there are no claims.
    ///
    /// # Errors
    /// [`RuleDenial::ConditionFailed`]
    pub fn judge(
        &self,
        condition: Option<&Condition>,
        identity: Option<&Identity>,
    ) -> Result<(), RuleDenial> {
        let Some(condition) = condition else {
            return Ok(());
        };
        let variables = Variables {
            request: self.request,
            facts: self.facts,
            claims: identity.map(|identity| identity.token.claims()),
            scopes: identity
                .map(|identity| identity.token.scopes().iter().collect())
                .unwrap_or_default(),
            now: self.moment.wall.seconds(),
        };
        condition
            .check(&variables)
            .map_err(|cause| RuleDenial::ConditionFailed {
                message: condition.message().cloned(),
                cause,
            })
    }
}
