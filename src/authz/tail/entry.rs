//! One decision as it is kept and sent: an account that owns its words.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::authn::authenticator::Recall;
use crate::authz::account::Account;
use crate::authz::asked::Asked;

/// One decision.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When it was made.
    pub at: SystemTime,
    /// From the call's headers to the decision.
    pub took: Duration,
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// Why.
    pub reason: &'static str,
    /// The rule that decided.
    pub rule: Box<str>,
    /// The configured issuer that the token names.
    pub issuer: Option<Box<str>>,
    /// The held key that the token names.
    pub key_id: Option<Box<str>>,
    /// Whether the token was remembered, where one was looked for.
    pub recall: Option<Recall>,
    /// The request; of a message that could not be read there is none.
    pub request: Option<EntryRequest>,
    /// The short name of the configuration that made it.
    pub config: Arc<str>,
    /// The trace that its span is in, if there is one.
    pub trace_id: Option<Box<str>>,
    /// The claims of the verified token that may be told, by their names.
    pub claims: Vec<(String, String)>,
}

/// The request of an entry, cut as [`Asked`] is.
#[derive(Clone, Debug)]
pub struct EntryRequest {
    /// Envoy's `x-request-id`.
    pub id: Option<Box<str>>,
    /// The method.
    pub method: Box<str>,
    /// The host as it was sent.
    pub host: Box<str>,
    /// The path without its query.
    pub path: Box<str>,
}

impl Entry {
    /// The entry for a decision that has just been made.
    pub fn of(account: &Account<'_>) -> Entry {
        let record = &account.record;
        let claims = account.disclosure.values(record.identity);
        Entry {
            at: now(),
            took: account.took,
            decision: record.decision,
            reason: record.reason,
            rule: record.rule.into(),
            issuer: record.issuer.map(Box::from),
            key_id: record.key_id.map(Box::from),
            recall: record.recall,
            request: account.asked.as_ref().map(EntryRequest::of),
            config: account.disclosure.config.clone(),
            trace_id: account.trace_id.as_deref().map(Box::from),
            claims: claims
                .map(|(name, value)| (name.to_string(), value.to_owned()))
                .collect(),
        }
    }

    /// Whether its request had that `x-request-id`.
    pub fn is_of_request(&self, id: &str) -> bool {
        let request = self.request.as_ref();
        request.and_then(|request| request.id.as_deref()) == Some(id)
    }
}

impl EntryRequest {
    fn of(asked: &Asked<'_>) -> EntryRequest {
        EntryRequest {
            id: asked.request_id.as_deref().map(Box::from),
            method: asked.method.into(),
            host: asked.host.into(),
            path: asked.path.into(),
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a reader compares it with the clocks of other logs; no decision depends on it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
