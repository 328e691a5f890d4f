//! Told of each decision once it is made; tells metrics, the log and the trace.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::authn::authenticator::Recall;
use crate::authn::identity::Identity;
use crate::authz::account::Account;
use crate::authz::asked::{Asked, cut};
use crate::authz::decision::{Decision, Refused};
use crate::authz::denial::{Class, Denial};
use crate::authz::metrics::DecisionMetrics;
use crate::authz::ongoing::Ongoing;
use crate::authz::record::Record;
use crate::authz::refusal_log::RefusalLog;
use crate::authz::tail::entry::Entry;
use crate::authz::tail::followers::Followers;
use crate::authz::tail::last_refusals::{KeptRefusal, LastRefusals};
use crate::request::Request;
use crate::telemetry::traces::{ActiveSpan, Kind, Traces};
use crate::token::claim_name::ClaimName;

/// So much of a claim's value is shown.
const LONGEST_CLAIM: usize = 256;

/// Methods that are told by their name; the conventions want few values of it.
const METHODS: [&str; 10] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
];

/// The name of each check's span.
const SPAN: &str = "envoy.service.auth.v3.Authorization/Check";

/// What happens to each decision of a process, whatever configuration made it.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    /// What is counted.
    pub metrics: Arc<DecisionMetrics>,
    /// What is written.
    pub refusals: Arc<RefusalLog>,
    /// What is traced.
    pub traces: Traces,
    /// Who follows.
    pub followers: Arc<Followers>,
    /// What is kept.
    pub last_refusals: Arc<LastRefusals>,
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
    /// An observer that makes these spans.
    pub fn new(traces: Traces) -> Observer {
        Observer {
            traces,
            ..Observer::default()
        }
    }

    /// The check's request has been read, and names this trace.
    pub fn begins(&self, ongoing: &Ongoing, forwarded: Option<&str>) {
        if self.traces.is_on() {
            ongoing.keep(self.span(ongoing, forwarded));
        }
    }

    /// Tells of a decision.
    pub fn decided(
        &self,
        decision: &Decision,
        request: Option<&Request<'_>>,
        ongoing: &Ongoing,
        disclosure: &Disclosure,
    ) {
        let record = Record::of(decision);
        let took = ongoing.arrived.elapsed();
        self.metrics.count(&record, took);
        let refused = match decision {
            Decision::Deny(refused) => Some(refused),
            Decision::Allow(_) => None,
        };
        let is_followed = self.followers.is_followed();
        if refused.is_none() && !is_followed && !self.traces.is_on() {
            return;
        }
        let span = match self.traces.is_on() {
            true => ongoing.take().or_else(|| self.span(ongoing, None)),
            false => None,
        };
        let account = Account {
            record,
            asked: request.map(Asked::of),
            took,
            disclosure,
            trace_id: span
                .as_ref()
                .filter(|_| refused.is_some() || is_followed)
                .map(ActiveSpan::trace_id),
        };
        self.tell(&account, refused, is_followed);
        if let Some(span) = span {
            end(span, refused.map(|refused| &refused.denial), &account);
        }
    }

    fn tell(&self, account: &Account<'_>, refused: Option<&Refused>, is_followed: bool) {
        let kept = refused.map(|refused| {
            self.refusals.write(&refused.denial, account);
            let entry = Arc::new(Entry::of(account));
            self.last_refusals
                .keep(KeptRefusal::new(entry.clone(), refused));
            entry
        });
        if is_followed {
            self.followers.tell(account, || {
                kept.clone().unwrap_or_else(|| Arc::new(Entry::of(account)))
            });
        }
    }

    fn span(&self, ongoing: &Ongoing, forwarded: Option<&str>) -> Option<ActiveSpan> {
        let parent = self.traces.parent(ongoing.caller.as_ref(), forwarded);
        self.traces
            .begin(SPAN, Kind::Server, &parent, ongoing.arrived.elapsed())
    }
}

fn end(mut span: ActiveSpan, refusal: Option<&Denial>, account: &Account<'_>) {
    let (record, disclosure) = (&account.record, account.disclosure);
    if !span.is_recording() {
        return;
    }
    let text = |text: &str| text.to_owned();
    // OpenTelemetry's semantic conventions 1.45.0, where those for gRPC became stable. A refusal is no gRPC error.
    span.set("rpc.system.name", "grpc");
    span.set("rpc.method", SPAN);
    span.set("rpc.status_code", "OK");
    span.set("accredit.decision", record.decision);
    span.set("accredit.reason", record.reason);
    span.set("accredit.rule", text(record.rule));
    span.set("accredit.config", text(&disclosure.config));
    if let Some(issuer) = record.issuer {
        span.set("accredit.issuer", text(issuer));
    }
    if let Some(key_id) = record.key_id {
        span.set("accredit.key_id", text(key_id));
    }
    match record.recall {
        Some(Recall::Hit) => span.set("accredit.token_cache", "hit"),
        Some(Recall::Miss) => span.set("accredit.token_cache", "miss"),
        None => {}
    }
    if let Some(asked) = &account.asked {
        set_request(&mut span, asked);
    }
    for (name, value) in disclosure.values(record.identity) {
        span.set(format!("accredit.claim.{name}"), text(value));
    }
    // A caller's mistake is no error of ours.
    if refusal.is_some_and(|denial| matches!(denial.class(), Class::Unavailable { .. })) {
        span.set("error.type", record.reason);
        span.fail(record.reason);
    }
    span.end();
}

fn set_request(span: &mut ActiveSpan, asked: &Asked<'_>) {
    if METHODS.contains(&asked.method) {
        span.set("http.request.method", asked.method.to_owned());
    } else {
        span.set("http.request.method", "_OTHER");
        span.set("http.request.method_original", asked.method.to_owned());
    }
    span.set("url.path", asked.path.to_owned());
    let (address, port) = asked.server();
    span.set("server.address", address.to_owned());
    if let Some(port) = port {
        span.set("server.port", i64::from(port));
    }
    if let Some(request_id) = &asked.request_id {
        let request_id = request_id.clone().into_owned();
        span.set_list("http.request.header.x-request-id", request_id);
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
