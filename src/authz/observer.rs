//! Told of each decision once it is made; tells metrics and the log.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::authn::identity::Identity;
use crate::authz::asked::{Asked, cut};
use crate::authz::decision::Decision;
use crate::authz::metrics::DecisionMetrics;
use crate::authz::record::Record;
use crate::authz::refusal_log::RefusalLog;
use crate::request::Request;
use crate::token::claim_name::ClaimName;

/// So much of a claim's value is shown.
const LONGEST_CLAIM: usize = 256;

/// What happens to each decision of a process, whatever configuration made it.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    /// What is counted.
    pub metrics: Arc<DecisionMetrics>,
    /// What is written.
    pub refusals: Arc<RefusalLog>,
}

/// What one configuration lets be told.
#[derive(Clone, Debug, Default)]
pub struct Disclosure {
    /// The configuration's short name.
    pub config: Arc<str>,
    /// The claims of verified tokens that may be told.
    pub claims: Arc<[ClaimName]>,
}

impl Observer {
    /// Tells of a decision.
    pub fn decided(
        &self,
        decision: &Decision,
        request: Option<&Request<'_>>,
        took: Duration,
        disclosure: &Disclosure,
    ) {
        let record = Record::of(decision);
        self.metrics.count(&record, took);
        if let Decision::Deny(refused) = decision {
            let asked = request.map(Asked::of);
            self.refusals
                .write(&refused.denial, &record, asked.as_ref(), disclosure, None);
        }
    }
}

impl Disclosure {
    /// The values of the claims that may be told, by name, as the token's JSON has them.
    pub fn values<'a>(
        &'a self,
        identity: Option<&'a Identity>,
    ) -> impl Iterator<Item = (&'a ClaimName, &'a str)> {
        let claims = identity.map(|identity| identity.token.claims());
        self.claims.iter().filter_map(move |name| {
            let claims = claims?;
            let value = name.find(claims.object())?;
            let text = value.as_str().unwrap_or_else(|| claims.raw(value));
            Some((name, cut(text, LONGEST_CLAIM)))
        })
    }

    /// The same as one text.
    pub fn claims_of(&self, identity: Option<&Identity>) -> Option<String> {
        let mut text = String::new();
        for (name, value) in self.values(identity) {
            let separator = if text.is_empty() { "" } else { " " };
            // Writing into a `String` cannot fail.
            let _ = write!(text, "{separator}{name}={value:?}");
        }
        (!text.is_empty()).then_some(text)
    }
}
