//! The service of a configuration, and its decisions and answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit::envoy::in_flight::InFlight;
use accredit::envoy::response;
use accredit::envoy::service::{CallTimes, CheckService};
use accredit::observe::check_span::CheckSpan;
use accredit_core::authn::moment::Moment;
use accredit_core::authz::answer::Judged;
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::config::load;
use accredit_core::config::resolve::resolve;
use accredit_core::config::settings::Settings;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::keys::lease::{KeyLeases, Leased};
use accredit_core::request::Request;
use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use futures_util::FutureExt as _;
use prost::Message as _;

/// The time of decisions: 2026-01-01T00:00:00Z.
pub const NOW: u64 = 1_767_225_600;

pub fn of_text(text: &str) -> CheckService<Authorizer> {
    let (document, problems) = load::read(text, &|_| None).expect("is a configuration");
    of_settings(&mut resolve(&document, problems).expect("is valid").settings)
}

/// No key set is fetched: only keys of the configuration itself verify tokens.
pub fn of_settings(settings: &mut Settings) -> CheckService<Authorizer> {
    let now = Instant::now();
    let mut leases = KeyLeases::default();
    let leases = key_entries(settings)
        .iter()
        .map(|entry| match leases.lease(entry, now) {
            Leased::Shared(lease) | Leased::New(lease) => lease,
        })
        .collect();
    let authorizer = Engines::encoding_by(response::encode_identity).build(settings, leases, None);
    CheckService::new(Arc::new(authorizer), settings.check_timeout)
}

/// The decision at [`NOW`]. `None` if the request has to wait for keys.
pub fn judge(service: &CheckService<Authorizer>, request: &Request<'_>) -> Option<Judged> {
    let moment = Moment::new(Duration::from_secs(NOW), Instant::now());
    match service.authorizer().judge(request, moment) {
        Judgement::Judged(judged) => Some(judged),
        Judgement::Wait(_) | Judgement::UseProof(_) => None,
    }
}

/// The answer to a message, by the real clock. `None` if it has to wait for keys.
pub fn answer(service: &CheckService<Authorizer>, message: &[u8]) -> Option<CheckResponse> {
    let permit = InFlight::new(1).enter().expect("is the first");
    let check = CheckSpan::new(tokio::time::Instant::now(), None);
    let message = Bytes::copy_from_slice(message);
    let call = CallTimes {
        read: check.arrived,
        timeout: None,
    };
    let answer = service.check(message, &check, call, &permit);
    let answer = answer.now_or_never()?;
    Some(CheckResponse::decode(answer.as_message()).expect("is a message"))
}
