//! One judgement of a known token in this process, without a transport. `cargo bench --bench load -- judgement` measures this alone.

use std::hint::black_box;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use accredit::jwks::key_stores::KeyStores;
use accredit_core::authn::moment::Moment;
use accredit_core::authz::answer::Answer;
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::config::load;
use accredit_core::config::resolve::resolve;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};
use serde_json::json;

use crate::configuration::configuration;
use crate::cost::{ROUNDS, micros};
use crate::figures::{TABLE_HEAD, median, row};
use crate::messages::Minter;
use crate::process;

const JUDGEMENTS: u32 = 20_000;

/// The row of a judgement, as in the whole report.
pub(crate) fn measure() -> String {
    let mut report = TABLE_HEAD.to_owned();
    row(&mut report, NAME, judgement(&Minter::new()), "0.5");
    report
}

pub(crate) const NAME: &str =
    "one judgement of a known token, in process and without transport, µs";

/// The CPU time of a judgement in microseconds: the rounds' median.
pub(crate) fn judgement(minter: &Minter) -> f64 {
    let authorizer = authorizer(&configuration(&minter.key_set(), 2, 10));
    let authorization = format!("Bearer {}", minter.token(1, json!({})));
    let request = request(&authorization);
    let rounds = (0..=ROUNDS).map(|_| {
        let before = process::own_cpu();
        for _ in 0..JUDGEMENTS {
            judge(&authorizer, &request);
        }
        micros(process::own_cpu() - before) / f64::from(JUDGEMENTS)
    });
    // The first round sees the token for the first time.
    median(&rounds.skip(1).collect::<Vec<_>>())
}

fn authorizer(configuration: &str) -> Authorizer {
    let (document, locations) = load::read(configuration, &|_| None).unwrap();
    let mut settings = resolve(&document, locations).unwrap().settings;
    let leases = KeyStores::default().lease(&key_entries(&settings)).unwrap();
    Engines::default().build(&mut settings, leases, None)
}

fn request(authorization: &str) -> Request<'_> {
    let headers = [
        ("accept", "application/json"),
        ("user-agent", "acme-cli/4.2.1 (linux; x86_64)"),
        ("x-request-id", "00000001-3a5e-4c11-9d0e-6f1f0a7b2c3d"),
        ("x-forwarded-for", "203.0.113.1"),
        ("x-forwarded-proto", "https"),
        ("accept-encoding", "gzip, deflate, br"),
        ("content-type", "application/json"),
        ("authorization", authorization),
    ];
    let headers = headers.map(|(name, value)| (name, value.as_bytes()));
    Request {
        method: "GET",
        scheme: "https",
        host: "api.acme.example",
        path: "/api/data",
        headers: Headers::new(headers.into_iter(), Completeness::Complete),
        source_address: "",
        source_principal: "",
        source_certificate: ClientCertificate::default(),
        context: Vec::new(),
        trace: None,
    }
}

fn judge(authorizer: &Authorizer, request: &Request<'_>) {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let moment = Moment::new(since_epoch, Instant::now());
    match black_box(authorizer.judge(request, moment)) {
        Judgement::Judged(judged) if matches!(judged.answer, Answer::Admit(_)) => {}
        other => panic!("not admitted: {other:?}"),
    }
}
