//! A decision with its request and time, as the log, the span, the tail and the last denials show it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use accredit_core::authz::record::DecisionRecord;
use accredit_core::token::claim_name::ClaimName;
use accredit_core::token::claims::Claims;

use crate::observe::request_summary::{RequestSummary, cut};

/// The maximum length of a reported claim value, in bytes.
const MAX_CLAIM: usize = 256;

/// One reported decision. It contains no token, and no claim outside `log_claims`.
#[derive(Clone, Debug)]
pub struct DecisionReport {
    pub record: DecisionRecord,
    /// `None` if Envoy's message could not be read.
    pub request: Option<RequestSummary>,
    /// When the decision was made.
    pub at: SystemTime,
    /// The time from the headers of the call to the decision.
    pub took: Duration,
    /// The hash of the configuration that made the decision.
    pub config: Arc<str>,
    pub trace_id: Option<Box<str>>,
    /// The claims of `log_claims`, by name.
    pub claims: Vec<(String, String)>,
}

/// The claims and the hash that one configuration permits to report.
#[derive(Clone, Debug, Default)]
pub struct Disclosure {
    /// The hash of the configuration.
    pub config: Arc<str>,
    /// `log_claims`
    pub claims: Arc<[ClaimName]>,
}

impl DecisionReport {
    pub fn new(
        record: &DecisionRecord,
        request: Option<RequestSummary>,
        took: Duration,
        disclosure: &Disclosure,
        trace_id: Option<String>,
    ) -> DecisionReport {
        DecisionReport {
            record: record.without_claims(),
            request,
            at: now(),
            took,
            config: disclosure.config.clone(),
            trace_id: trace_id.map(String::into_boxed_str),
            claims: disclosure.values(record.signed_claims()),
        }
    }

    /// Whether the request had that `x-request-id`.
    pub fn has_request_id(&self, id: &str) -> bool {
        let request = self.request.as_ref();
        request.and_then(|request| request.id.as_deref()) == Some(id)
    }
}

impl Disclosure {
    /// The values of `log_claims`, as the token's JSON has them.
    fn values(&self, claims: Option<&Claims>) -> Vec<(String, String)> {
        let Some(claims) = claims else {
            return Vec::new();
        };
        let found = self.claims.iter().filter_map(|name| {
            let value = name.find(claims.object())?;
            let text = value.as_str().unwrap_or_else(|| value.raw());
            Some((name.to_string(), cut(text, MAX_CLAIM).to_owned()))
        });
        found.collect()
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "operators compare it with the clocks of other logs; no decision depends on it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
