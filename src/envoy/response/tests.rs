//! Answers are what prost would write of Envoy's own types, and no answer has parts of another decision.

use std::time::{Duration, Instant};

use accredit_core::authn::moment::Moment;
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::config::load;
use accredit_core::config::resolve::resolve;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::jose::base64url;
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use prost::Message as _;
use serde_json::{Value as Json, json};

use super::{encode_identity, write};
use crate::jwks::key_stores::KeyStores;

mod expected;

const KEY_SEED: [u8; 32] = [5; 32];

/// One configuration after another, as reloads put them in force.
struct Scene {
    key: Ed25519KeyPair,
    stores: KeyStores,
    engines: Engines,
    now: Instant,
    current: Option<Authorizer>,
}

/// The settings that the tests vary.
#[derive(Clone, Default)]
struct Setting {
    top: &'static str,
    issuer: &'static str,
    rules: &'static str,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            key: Ed25519KeyPair::from_seed_unchecked(&KEY_SEED).expect("is a seed"),
            stores: KeyStores::default(),
            engines: Engines::encoding_by(encode_identity),
            now: Instant::now(),
            current: None,
        }
    }

    fn load(&mut self, setting: &Setting) {
        let Setting { top, issuer, rules } = setting;
        let x = base64url::encode(self.key.public_key().as_ref());
        let keys = format!(r#"{{"keys":[{{"kid":"k","kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#);
        let text = format!(
            "{top}\nissuers:\n  - issuer: https://a.example\n    jwks: {{ inline: '{keys}' }}\n    audiences: any\n    algorithms: [EdDSA]\n    required_claims: []\n{issuer}\n{rules}\n"
        );
        let (document, locations) = load::read(&text, &|_| None).expect("is a document");
        let mut settings = resolve(&document, locations).expect("resolves").settings;
        let leases = self.stores.lease(&key_entries(&settings));
        let leases = leases.expect("no CA files");
        // The previous configuration is in force until the next one is built.
        self.current = Some(self.engines.build(&mut settings, leases, None));
    }

    fn token(&self, claims: &Json) -> String {
        let mut claims = claims.clone();
        claims["iss"] = json!("https://a.example");
        claims["exp"] = json!(2000);
        let parts = [json!({"alg": "EdDSA"}).to_string(), claims.to_string()];
        let [header, claims] = parts.map(|text| base64url::encode(text.as_bytes()));
        let signed = format!("{header}.{claims}");
        let signature = base64url::encode(self.key.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }

    /// The answer to a GET with these headers. It is compared with what prost writes.
    fn answer(&self, path: &str, headers: &[(&str, &str)]) -> CheckResponse {
        let authorizer = self.current.as_ref().expect("is loaded");
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()));
        let request = Request {
            method: "GET",
            host: "api.example",
            path,
            headers: Headers::new(headers, Completeness::Complete),
            source_address: "",
            source_principal: "",
            source_certificate: ClientCertificate::Absent,
            scheme: "https",
            context: Vec::new(),
            trace: None,
        };
        let moment = Moment::new(Duration::from_secs(1000), self.now);
        let judged = match authorizer.judge(&request, moment) {
            Judgement::Judged(judged) => judged,
            Judgement::Wait(_) | Judgement::UseProof(_) => panic!("keys and proofs are held"),
        };
        let written = write(&judged);
        let read = CheckResponse::decode(written.as_message()).expect("is a message");
        assert_eq!(read, expected::response(&judged));
        assert_eq!(
            written.as_message().len(),
            read.encoded_len(),
            "prost would write as many bytes"
        );
        read
    }

    fn answer_to(&self, token: &str, path: &str) -> CheckResponse {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("authorization", &*authorization),
            ("x-jwt-sub", "forged"),
            ("x_org", "forged"),
            ("accept", "*/*"),
        ];
        self.answer(path, &headers)
    }
}

fn claims() -> Json {
    json!({"sub": "s", "oid": "org_1", "client_id": "c", "scope": "a b", "plan": "gold"})
}

/// A generator of numbers that look random and are the same in every run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 8] = ["", "a", "b c", "ü", "漢字", "\"\\", "\n", "long "];
        let repeat = if self.below(8) == 0 { 200 } else { 3 };
        (0..self.below(repeat))
            .map(|_| PARTS[self.below(8) as usize])
            .collect()
    }

    fn json(&mut self, depth: u64) -> Json {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => Json::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(u64::MAX)),
            3 => json!(self.below(1000) as f64 / 8.0),
            4 | 5 => json!(self.text()),
            6 => (0..self.below(5)).map(|_| self.json(depth - 1)).collect(),
            _ => {
                let members = (0..self.below(5)).map(|number| {
                    let name = format!("{number}{}", self.text());
                    (name, self.json(depth - 1))
                });
                Json::Object(members.collect())
            }
        }
    }
}

#[test]
fn answers_are_what_prost_writes_whatever_the_claims_are() {
    let mut scene = Scene::new();
    scene.load(&Setting {
        top: "strip_headers: [x-jwt-*, x-other]\npayload_header: x-payload",
        issuer: "    claim_headers: { x-jwt-sub: sub, x-org: oid, x-plan: plan, x-list: { claim: list, as: json } }",
        rules: "rules:\n  - { name: removed, match: { paths: [/removed/**] }, forward_token: false }\n  - { name: scoped, match: { paths: [/scoped/**] }, scopes: [a] }\n  - { name: gold, match: { paths: [/gold/**] }, when: { expression: 'claims.plan == \"gold\"', message: 'no \"gold\"' } }",
    });
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut admitted = 0;
    for _ in 0..300 {
        let mut claims = json!({});
        for name in ["sub", "oid", "client_id", "plan", "list", "scope", "other"] {
            if numbers.below(4) > 0 {
                claims[name] = numbers.json(3);
            }
        }
        let token = scene.token(&claims);
        for path in ["/removed/x", "/scoped/x", "/gold/x", "/x"] {
            let first = scene.answer_to(&token, path);
            assert_eq!(first, scene.answer_to(&token, path), "{claims}");
            admitted += usize::from(first.status.is_some_and(|status| status.code == 0));
        }
    }
    assert!((600..1200).contains(&admitted), "{admitted}");
}

#[test]
fn refusals_are_what_prost_writes() {
    let mut scene = Scene::new();
    scene.load(&Setting::default());
    let good = scene.token(&claims());
    let bearer = format!("Bearer {good}");
    let forged = format!("Bearer {}A", &good[..good.len() - 1]);
    let requests: [(&str, &[(&str, &str)]); 6] = [
        ("/x", &[]),
        ("/x", &[("authorization", "Bearer a.b.c")]),
        ("/x", &[("authorization", &forged)]),
        (
            "/x",
            &[("authorization", &bearer), ("authorization", &bearer)],
        ),
        (
            "/x",
            &[
                ("content-type", "application/grpc"),
                ("authorization", "Bearer;x"),
            ],
        ),
        ("/x", &[("authorization", &bearer)]),
    ];
    let codes = requests.map(|(path, headers)| {
        let answer = scene.answer(path, headers);
        answer.status.expect("has a status").code
    });
    assert_eq!(codes, [16, 16, 16, 3, 3, 0]);
}

/// One cached token, two rules: what the first rule does to the request must not show in the second one's answer.
#[test]
fn a_cached_token_takes_nothing_from_one_rule_to_another() {
    let mut scene = Scene::new();
    scene.load(&Setting {
        rules: "rules:\n  - { name: kept, match: { paths: [/kept/**] } }\n  - { name: removed, match: { paths: [/removed/**] }, forward_token: false }\n  - { name: open, match: { paths: [/open/**] }, access: anonymous }",
        ..Setting::default()
    });
    let token = scene.token(&claims());
    let mut seen = Vec::new();
    for path in ["/kept/x", "/removed/x", "/open/x", "/removed/x", "/kept/x"] {
        let answer = scene.answer_to(&token, path);
        let metadata = answer.dynamic_metadata.clone().expect("has metadata");
        let rule = format!("{:?}", metadata.fields.get("rule"));
        let (removed, set) = expected::changes(&answer);
        assert!(
            rule.contains(path.split('/').nth(1).expect("is there")),
            "{rule}"
        );
        assert_eq!(
            removed.contains(&"authorization".to_owned()),
            path == "/removed/x"
        );
        assert_eq!(
            set.contains(&("x-jwt-sub".to_owned(), "s".to_owned())),
            path != "/open/x"
        );
        assert_eq!(metadata.fields.contains_key("subject"), path != "/open/x");
        seen.push(answer);
    }
    assert_eq!(seen[0], seen[4]);
    assert_eq!(seen[1], seen[3]);
}

/// The token is cached under each configuration before the next one is in force. Its answer must be that of a service which
/// never had another configuration.
#[test]
fn a_cached_token_takes_nothing_from_one_configuration_to_the_next() {
    let of = |top, issuer, rules| Setting { top, issuer, rules };
    let settings = [
        Setting::default(),
        of("", "    claim_headers: { x-jwt-sub: oid }", ""),
        of("", "    claim_headers: { x-plan: plan }", ""),
        of("", "    scope_claims: [plan]", ""),
        of("payload_header: x-payload", "", ""),
        of("strip_headers: [x-org, accept]", "", ""),
        of("forward_token: false", "", ""),
        of(
            "",
            "",
            "rules:\n  - { name: a, match: { paths: [/x] }, forward_token: false }",
        ),
        of("", "", "rules:\n  - { name: b, match: { paths: [/x] } }"),
    ];
    let mut scene = Scene::new();
    let token = scene.token(&claims());
    let mut answers = Vec::new();
    for next in settings.iter().chain(settings.iter().rev()) {
        scene.load(next);
        let mut fresh = Scene::new();
        fresh.load(next);
        let answer = scene.answer_to(&token, "/x");
        assert_eq!(answer, fresh.answer_to(&token, "/x"));
        assert_eq!(answer, scene.answer_to(&token, "/x"), "from the cache");
        answers.push(answer);
    }
    for pair in answers.windows(2).take(settings.len() - 1) {
        assert_ne!(pair[0], pair[1], "each configuration differs from the next");
    }
}
