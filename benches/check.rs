//! What one decision costs, as ratios within one run: machines are noisy, and the ratio is what lasts.
//!
//! `cargo bench` prints, for a known token, how a thousand rules compare with ten, and a token that is seen for the
//! first time with one that is known. Each figure is the fastest of many rounds.
//!
//! With a number N it answers N calls with a known token and prints nothing: `scripts/instructions.sh` counts their instructions.
//! With N and `new` or `none`, each call has a token that was not seen before, or none.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first error and prints its result"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use accredit::app::engine;
use accredit::dev_issuer::server::DevIssuer;
use accredit::envoy::in_flight::InFlight;
use accredit::envoy::response;
use accredit::envoy::service::{CallTimes, CheckService};
use accredit::jwks::key_stores::KeyStores;
use accredit::observe::check_span::CheckSpan;
use accredit::observe::observer::Observer;
use accredit_core::authn::moment::Moment;
use accredit_core::authz::answer::{Answer, Judged};
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::config::load;
use accredit_core::config::resolve::resolve;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};
use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{
    HttpRequest, Request as AskedRequest,
};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use futures_util::FutureExt as _;
use prost::Message as _;

const ROUNDS: usize = 200;
const PER_ROUND: usize = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let issuer = DevIssuer::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let minter = issuer.minter();
    let keys = minter.key_set().to_string();
    let known = minter.client_token("m2morg_1001").unwrap();
    let service = |rules: usize, cache: &str| service(&issuer.issuer(), &keys, rules, cache);

    let times = std::env::args().nth(1).and_then(|times| times.parse().ok());
    if let Some(times) = times {
        let messages = match std::env::args().nth(2).as_deref() {
            Some("new") => (0..=times)
                .map(|_| message(Some(&minter.client_token("m2morg_1001").unwrap())))
                .collect(),
            Some("none") => vec![message(None)],
            _ => vec![message(Some(&known))],
        };
        return answer_calls(&service(10, "64MiB"), &messages, times);
    }

    let ten = nanoseconds(&service(10, "64MiB"), &known);
    let thousand = nanoseconds(&service(1000, "64MiB"), &known);
    let none = nanoseconds(&service(0, "64MiB"), &known);
    let first_sight = nanoseconds(&service(0, "0"), &known);
    println!("known token, no rules      {none:>9.0} ns");
    println!(
        "known token, 10 rules      {ten:>9.0} ns   {:.2} of no rules",
        ten / none
    );
    println!(
        "known token, 1,000 rules   {thousand:>9.0} ns   {:.2} of 10 rules",
        thousand / ten
    );
    println!(
        "first sight, RS256         {first_sight:>9.0} ns   {:.1} of a known token",
        first_sight / none
    );
}

/// Rules with paths of two kinds, hosts and scopes; the request's own is the last.
fn service(issuer: &str, keys: &str, rules: usize, cache: &str) -> CheckService<Authorizer> {
    let mut text = format!(
        "token_cache: {cache}\nissuers:\n  - issuer: {issuer}\n    jwks: {{ inline: '{keys}' }}\n    audiences: [api.acme.example]\n"
    );
    if rules > 0 {
        text.push_str("rules:\n");
    }
    for number in 0..rules {
        let path = if number + 1 == rules {
            "/api/data".to_owned()
        } else {
            format!("/area{number}/*/items/**")
        };
        text.push_str(&format!(
            "  - {{ match: {{ paths: ['{path}'], methods: [GET] }}, scopes: [read:deployments] }}\n"
        ));
    }
    let (document, locations) = load::read(&text, &|_| None).unwrap();
    let mut settings = resolve(&document, locations).unwrap().settings;
    let leases = KeyStores::default().lease(&key_entries(&settings)).unwrap();
    let mut engines = Engines::encoding_by(response::encode_identity);
    engine::build(
        &mut settings,
        leases,
        None,
        &mut engines,
        &Observer::default(),
        None,
    )
}

fn nanoseconds(service: &CheckService<Authorizer>, token: &str) -> f64 {
    let authorization = format!("Bearer {token}");
    let decide = || drop(black_box(decide(service, &request(&authorization))));
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        (0..PER_ROUND).for_each(|_| decide());
        fastest = fastest.min(started.elapsed());
    }
    fastest.as_nanos() as f64 / PER_ROUND as f64
}

/// Whole calls without HTTP/2 frames: each reads a message, decides, writes the answer and reports the decision.
fn answer_calls(service: &CheckService<Authorizer>, messages: &[CheckRequest], times: usize) {
    let in_flight = InFlight::new(1);
    let messages = messages.iter().map(|message| message.encode_to_vec());
    let messages: Vec<Bytes> = messages.map(Bytes::from).collect();
    let call = |message: &Bytes| {
        let permit = in_flight.enter().unwrap();
        let check = CheckSpan::new(tokio::time::Instant::now(), None);
        let times = CallTimes {
            read: check.arrived,
            timeout: None,
        };
        let answer = service.check(message.clone(), &check, times, &permit);
        black_box(answer.now_or_never().unwrap());
    };
    let mut messages = messages.iter().cycle();
    // The first sight of a known token is not counted.
    messages.by_ref().take(1).for_each(call);
    let counted = messages.take(times);
    counted.for_each(|message| counted_call(&|| call(message)));
}

/// The script counts what is done in here, by its name.
#[inline(never)]
fn counted_call(call: &dyn Fn()) {
    call();
}

fn decide(service: &CheckService<Authorizer>, request: &Request<'_>) -> Judged {
    match service.authorizer().judge(request, now()) {
        Judgement::Judged(judged) if matches!(judged.answer, Answer::Admit(_)) => judged,
        other => panic!("not admitted: {other:?}"),
    }
}

const OTHERS: [&str; 6] = [
    "accept",
    "user-agent",
    "x-request-id",
    "x-forwarded-for",
    "x-forwarded-proto",
    "accept-encoding",
];

fn request(authorization: &str) -> Request<'_> {
    let headers = OTHERS.iter().map(|name| (*name, &b"something usual"[..]));
    let headers = headers.chain([("authorization", authorization.as_bytes())]);
    Request {
        method: "GET",
        host: "api.acme.example",
        path: "/api/data?page=2",
        headers: Headers::new(headers, Completeness::Complete),
        source_address: "10.0.0.1",
        source_principal: "",
        source_certificate: ClientCertificate::Absent,
        scheme: "https",
        context: Vec::new(),
        trace: None,
    }
}

/// The same as Envoy sends it.
fn message(token: Option<&str>) -> CheckRequest {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let others = OTHERS.iter().map(|name| (*name, "something usual"));
    let pseudo = [(":method", "GET"), (":authority", "api.acme.example")];
    let headers = others.chain(pseudo).chain(
        authorization
            .iter()
            .map(|value| ("authorization", &**value)),
    );
    let headers = headers.map(|(key, value)| HeaderValue {
        key: key.to_owned(),
        raw_value: value.as_bytes().to_vec(),
        ..HeaderValue::default()
    });
    let http = HttpRequest {
        method: "GET".to_owned(),
        host: "api.acme.example".to_owned(),
        path: "/api/data?page=2".to_owned(),
        header_map: Some(HeaderMap {
            headers: headers.collect(),
        }),
        ..HttpRequest::default()
    };
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(AskedRequest {
                http: Some(http),
                ..AskedRequest::default()
            }),
            ..AttributeContext::default()
        }),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "tokens are minted by the wall clock"
)]
fn now() -> Moment {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    Moment::new(since_epoch, Instant::now())
}
