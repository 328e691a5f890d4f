//! The values that a condition reads (CONTRACT 3.11.3). They are collected only if the rule has a condition.

use std::fmt;

use crate::authn::identity::Identity;
use crate::authn::moment::Moment;
use crate::expression::variables::{RequestVariables, Variables};
use crate::request::Request;
use crate::rules::condition::Condition;
use crate::rules::demands::RuleDenial;
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
        condition
            .check(&self.variables(identity))
            .map_err(|cause| RuleDenial::ConditionFailed {
                message: condition.message().cloned(),
                cause,
            })
    }

    /// The variables of an expression. Without an identity there are no claims.
    pub fn variables<'v>(&'v self, identity: Option<&'v Identity>) -> Variables<'v> {
        let host = self.facts.host.as_ref();
        Variables {
            request: Some(RequestVariables {
                request: self.request,
                host: host.map(|host| host as &dyn fmt::Display),
                path: self.facts.path.segments(),
                now: self.moment.wall.seconds(),
            }),
            claims: identity.map(|identity| identity.token.claims()),
            scopes: identity
                .map(|identity| identity.token.scopes().iter().collect())
                .unwrap_or_default(),
            issuer: identity.map_or("", |identity| &identity.issuer_name),
        }
    }
}
