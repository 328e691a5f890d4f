//! Conversions between the types of the decision core and the messages of the admin API.

use std::fmt;
use std::time::{Instant, UNIX_EPOCH};

use accredit_core::authn::authenticator::attempt::CacheLookup;
use accredit_core::authn::issuers::Issuer;
use accredit_core::authz::denial::Denial;
use accredit_core::jose::algorithm::Algorithm;
use accredit_core::keys::key_set::Key;
use accredit_core::keys::set_aside::SetAside;

use crate::admin::pb;
use crate::observe::report::DecisionReport;
use crate::observe::tail::filter::{self, AnyOf, Filter, FilterError};
use crate::observe::tail::followers::TailEvent;

/// The maximum number of keys in an answer. The issuer decides how many keys it publishes.
const MAX_SET_ASIDE: usize = 100;

/// An issuer entry and the state of its keys.
pub fn issuer(issuer: &Issuer, now: Instant) -> pb::Issuer {
    let snapshot = issuer.keys.usable(now);
    let keys = snapshot.iter().flat_map(|snapshot| snapshot.key_set.keys());
    pb::Issuer {
        keys: keys.map(key).collect(),
        ..without_keys(issuer, now)
    }
}

/// An issuer entry and the state of its keys, without the list of keys, which can be long.
pub fn without_keys(issuer: &Issuer, now: Instant) -> pb::Issuer {
    let status = issuer.keys.status(now);
    let snapshot = status.snapshot.as_deref();
    let key_set = snapshot.map(|snapshot| &snapshot.key_set);
    pb::Issuer {
        issuers: issuer.names.iter().map(|name| name.to_string()).collect(),
        source: issuer.keys.source().to_string(),
        required: issuer.is_required(),
        has_keys: issuer.keys.has_keys(now),
        age_seconds: snapshot.map(|snapshot| {
            now.saturating_duration_since(snapshot.confirmed)
                .as_secs_f64()
        }),
        next_refresh_seconds: status.next_attempt.map(|span| span.as_secs_f64()),
        last_error: status
            .last_error
            .map(|error| error.to_string())
            .unwrap_or_default(),
        keys: Vec::new(),
        omitted_set_aside: key_set.map_or(0, |key_set| {
            let omitted = key_set.set_aside().len().saturating_sub(MAX_SET_ASIDE);
            u32::try_from(omitted).unwrap_or(u32::MAX)
        }),
        set_aside: key_set
            .map(|key_set| {
                let shown = key_set.set_aside().iter().take(MAX_SET_ASIDE);
                shown.map(set_aside).collect()
            })
            .unwrap_or_default(),
    }
}

fn key(key: &Key) -> pb::Key {
    pb::Key {
        kid: key.key_id.as_deref().map(str::to_owned),
        kty: key.key.key_type().name().to_owned(),
        algorithms: key
            .key
            .algorithms()
            .map(Algorithm::name)
            .map(str::to_owned)
            .collect(),
    }
}

fn set_aside(key: &SetAside) -> pb::SetAsideKey {
    pb::SetAsideKey {
        kid: key.key_id.as_deref().map(str::to_owned),
        reason: key.reason.to_string(),
    }
}

pub fn decision(report: &DecisionReport) -> pb::Decision {
    let request = report.request.as_ref();
    let record = &report.record;
    let text = |text: &str| text.to_owned();
    let since_epoch = report.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    pb::Decision {
        unix_millis: i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX),
        decision: text(record.decision().as_str()),
        reason: text(record.reason.as_str()),
        rule: text(&record.rule),
        issuer: record.issuer().map(text),
        key_id: record.key_id().map(text),
        request_id: request.and_then(|request| request.id.as_deref().map(text)),
        method: request.map(|request| text(&request.method)),
        host: request.map(|request| text(&request.host)),
        path: request.map(|request| text(&request.path)),
        latency_micros: u64::try_from(report.took.as_micros()).unwrap_or(u64::MAX),
        token_cache: record.cache.map(CacheLookup::as_str).map(text),
        config: text(&report.config),
        trace_id: report.trace_id.as_deref().map(text),
        claims: report.claims.iter().cloned().collect(),
        cause: record.denial.as_ref().and_then(Denial::cause),
    }
}

/// A message for a follower of decisions.
pub fn event(event: &TailEvent) -> pb::TailResponse {
    let item = match event {
        TailEvent::Decided(report) => pb::tail_response::Item::Decision(decision(report)),
        TailEvent::Lost(lost) => pb::tail_response::Item::Lost(*lost),
    };
    pb::TailResponse { item: Some(item) }
}

impl TryFrom<pb::TailRequest> for Filter {
    type Error = FilterError;

    fn try_from(request: pb::TailRequest) -> Result<Filter, FilterError> {
        let given = |text: &str| !text.is_empty();
        let boxed = |names: Vec<String>| {
            let names = names.into_iter().map(String::into_boxed_str);
            AnyOf::try_from(names.collect::<Vec<_>>())
        };
        let reasons = request.reasons.iter();
        Ok(Filter {
            decision: Some(request.decision.as_str())
                .filter(|text| given(text))
                .map(filter::decision)
                .transpose()?,
            reasons: reasons
                .map(|reason| filter::reason(reason))
                .collect::<Result<Vec<_>, _>>()?
                .try_into()?,
            issuers: boxed(request.issuers)?,
            rules: boxed(request.rules)?,
            path_prefix: Some(request.path_prefix)
                .filter(|text| given(text))
                .map(String::into_boxed_str),
        })
    }
}

impl fmt::Debug for pb::ExplainRequest {
    /// Omits the token, the headers and the path, which can be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExplainRequest")
            .field("method", &self.method)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
