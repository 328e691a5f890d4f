//! What one decision costs, as ratios within one run: machines are noisy, and the ratio is what lasts.
//!
//! `cargo bench` prints, for a known token, how a thousand rules compare with ten, and a token that is seen for the
//! first time with one that is known. Each figure is the fastest of many rounds.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench, for whoever runs it"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use accredit::app::engine;
use accredit::app::keys::KeyKeeper;
use accredit::authn::authenticator::Attempt;
use accredit::authn::moment::Moment;
use accredit::authz::authorizer::{Authorizer, Outcome};
use accredit::authz::decision::Decision;
use accredit::config::load;
use accredit::config::resolve::resolve;
use accredit::dev_issuer::server::DevIssuer;
use accredit::envoy::service::CheckService;
use accredit::request::{Completeness, Headers, Request};

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
    let prepared = KeyKeeper::empty().prepare(&settings.issuers).unwrap();
    let observer = accredit::authz::observer::Observer::default();
    engine::build(&mut settings, &prepared, &observer)
}

fn nanoseconds(service: &CheckService<Authorizer>, token: &str) -> f64 {
    let authorization = format!("Bearer {token}");
    let others = [
        "accept",
        "user-agent",
        "x-request-id",
        "x-forwarded-for",
        "x-forwarded-proto",
        "accept-encoding",
    ];
    let decide = || {
        let headers = others.iter().map(|name| (*name, &b"something usual"[..]));
        let headers = headers.chain([("authorization", authorization.as_bytes())]);
        let request = Request {
            method: "GET",
            host: "api.acme.example",
            path: "/api/data?page=2",
            headers: Headers::new(headers, Completeness::Complete),
            source_address: "10.0.0.1",
            source_principal: "",
            context: Vec::new(),
        };
        match service.decider().decide(&request, now(), Attempt::First) {
            Outcome::Decided(Decision::Allow(grant)) => drop(black_box(grant)),
            other => panic!("not admitted: {other:?}"),
        }
    };
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        (0..PER_ROUND).for_each(|_| decide());
        fastest = fastest.min(started.elapsed());
    }
    fastest.as_nanos() as f64 / PER_ROUND as f64
}

#[allow(
    clippy::disallowed_methods,
    reason = "tokens are minted by the wall clock"
)]
fn now() -> Moment {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    Moment::new(since_epoch, tokio::time::Instant::now())
}
