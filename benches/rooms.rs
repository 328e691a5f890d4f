//! What each part of a check costs alone, measured by criterion: `cargo bench --bench rooms`. An argument selects the benchmarks
//! whose name contains it. The times depend on the machine. criterion compares each time with that of the run before: it shows the
//! effect of a change to one part, which is too small to be seen in the whole checks of `benches/load`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first error, and its tokens are valid by the wall clock"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use accredit::envoy::message_writer::MessageWriter;
use accredit::envoy::{request, response};
use accredit::jwks::key_stores::KeyStores;
use accredit_core::authn::moment::Moment;
use accredit_core::authz::answer::{Answer, Judged};
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::config::load;
use accredit_core::config::resolve::resolve;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::jose::base64url;
use accredit_core::request::Request;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use criterion::{Criterion, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use serde_json::{Value, json};

// accredit uses the same allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

criterion_group!(rooms, messages, authentication, rules);
criterion_main!(rooms);

/// The keys of an issuer, one for each algorithm.
struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

fn messages(criterion: &mut Criterion) {
    let keys = Keys::generate();
    let message = message(Some(&keys.rs256()));
    criterion.bench_function("read a message", |bench| {
        bench.iter(|| request::read(black_box(&message)).unwrap());
    });
    let authorizer = authorizer(&keys, 10, "64MiB");
    let known = request::read(&message).unwrap();
    let admitted = judge(&authorizer, &known);
    assert!(matches!(admitted.answer, Answer::Admit(_)));
    criterion.bench_function("write an admission", |bench| {
        bench.iter(|| response::write(black_box(&admitted)));
    });
    let without_token = self::message(None);
    let denied = judge(&authorizer, &request::read(&without_token).unwrap());
    assert!(matches!(denied.answer, Answer::Refuse(_)));
    criterion.bench_function("write a denial", |bench| {
        bench.iter(|| response::write(black_box(&denied)));
    });
}

fn authentication(criterion: &mut Criterion) {
    let keys = Keys::generate();
    let caching = authorizer(&keys, 10, "64MiB");
    let rs256 = message(Some(&keys.rs256()));
    let known = request::read(&rs256).unwrap();
    judge(&caching, &known);
    criterion.bench_function("extract a token", |bench| {
        bench.iter(|| caching.sources().extract(black_box(&known)).unwrap());
    });
    let credential = caching.sources().extract(&known).unwrap().unwrap();
    let cache = caching.authenticator().token_cache();
    criterion.bench_function("look a token up in the token cache", |bench| {
        bench.iter(|| {
            let token = cache.hashed(black_box(credential.bearer));
            cache.get(token).unwrap()
        });
    });
    criterion.bench_function("judge a known token", |bench| {
        bench.iter(|| judge(&caching, black_box(&known)));
    });
    let without_token = message(None);
    let without_token = request::read(&without_token).unwrap();
    criterion.bench_function("judge a request without a token", |bench| {
        bench.iter(|| judge(&caching, black_box(&without_token)));
    });
    // Without a token cache, each judgement verifies the token again.
    let verifying = authorizer(&keys, 10, "0");
    let es256 = message(Some(&keys.es256()));
    for (algorithm, message) in [("RS256", &rs256), ("ES256", &es256)] {
        let request = request::read(message).unwrap();
        let admitted = judge(&verifying, &request);
        assert!(matches!(admitted.answer, Answer::Admit(_)), "{algorithm}");
        let name = format!("judge an {algorithm} token at first sight");
        criterion.bench_function(&name, |bench| {
            bench.iter(|| judge(&verifying, black_box(&request)));
        });
    }
}

fn rules(criterion: &mut Criterion) {
    let keys = Keys::generate();
    let message = message(None);
    let request = request::read(&message).unwrap();
    for count in [10, 1000] {
        let authorizer = authorizer(&keys, count, "0");
        criterion.bench_function(&format!("match {count} rules"), |bench| {
            bench.iter(|| {
                let facts = authorizer.rules().read(black_box(&request)).unwrap();
                let rule = authorizer.rules().select(&facts).unwrap();
                assert!(!Arc::ptr_eq(rule, authorizer.rules().default_rule()));
            });
        });
    }
}

impl Keys {
    fn generate() -> Keys {
        Keys {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        }
    }

    fn jwks(&self) -> Value {
        let rsa = self.rsa.public_key();
        let [n, e] = [rsa.modulus(), rsa.exponent()]
            .map(|number| base64url::encode(number.big_endian_without_leading_zero()));
        // SEC 1 section 2.3.3: the byte 4, then both coordinates.
        let (x, y) = self.ec.public_key().as_ref().split_at(1).1.split_at(32);
        let [x, y] = [x, y].map(base64url::encode);
        json!({"keys": [
            {"kty": "RSA", "kid": "RS256", "n": n, "e": e},
            {"kty": "EC", "kid": "ES256", "crv": "P-256", "x": x, "y": y},
        ]})
    }

    fn rs256(&self) -> String {
        token("RS256", |signed| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            let random = SystemRandom::new();
            let signing = self
                .rsa
                .sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature);
            signing.unwrap();
            signature
        })
    }

    fn es256(&self) -> String {
        let sign = |signed: &[u8]| self.ec.sign(&SystemRandom::new(), signed).unwrap();
        token("ES256", |signed| sign(signed).as_ref().to_vec())
    }
}

fn token(algorithm: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let header = json!({"alg": algorithm, "kid": algorithm, "typ": "JWT"});
    let claims = json!({
        "iss": "https://one.example", "sub": "m2morg_1", "client_id": "m2morg_1", "aud": ["api.acme.example"],
        "oid": "org_2001", "custom_claims": {"environment": "production_us"}, "scopes": ["deploy:applications", "read:deployments"], "exp": 4_000_000_000_u32,
    });
    let [header, claims] =
        [header, claims].map(|part| base64url::encode(part.to_string().as_bytes()));
    let signed = format!("{header}.{claims}");
    let signature = base64url::encode(&sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The last rule is the one that the requests match.
fn authorizer(keys: &Keys, rules: usize, cache: &str) -> Authorizer {
    let mut text = format!(
        "token_cache: {cache}\nissuers:\n  - issuer: https://one.example\n    jwks: {{ inline: '{}' }}\n    audiences: [api.acme.example]\n    algorithms: [RS256, ES256]\n    claim_headers: {{ x-jwt-sub: sub, x-jwt-client-id: client_id, x-jwt-org: oid, x-jwt-scope: scopes, x-jwt-env: custom_claims.environment }}\nrules:\n",
        keys.jwks()
    );
    for number in 1..rules {
        let path = format!("/area{number}/*/items/**");
        writeln!(
            text,
            "  - {{ match: {{ paths: ['{path}'] }}, scopes: [read:deployments] }}"
        )
        .unwrap();
    }
    text.push_str("  - { match: { paths: [/api/data] }, scopes: [read:deployments] }\n");
    let (document, locations) = load::read(&text, &|_| None).unwrap();
    let mut settings = resolve(&document, locations).unwrap().settings;
    let leases = KeyStores::default().lease(&key_entries(&settings)).unwrap();
    Engines::encoding_by(response::encode_identity).build(&mut settings, leases, None)
}

fn judge(authorizer: &Authorizer, request: &Request<'_>) -> Judged {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    match authorizer.judge(request, Moment::new(since_epoch, Instant::now())) {
        Judgement::Judged(judged) => judged,
        other => panic!("not decided at once: {other:?}"),
    }
}

/// A check as Envoy sends it with `encode_raw_headers: true` (`envoy.service.auth.v3.CheckRequest`).
fn message(token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let headers = [
        (":method", "GET"),
        (":authority", "api.acme.example"),
        (":path", "/api/data"),
        (":scheme", "https"),
        ("accept", "application/json"),
        ("user-agent", "acme-cli/4.2.1 (linux; x86_64)"),
        ("x-request-id", "00000001-3a5e-4c11-9d0e-6f1f0a7b2c3d"),
        ("x-forwarded-for", "203.0.113.1"),
        ("x-forwarded-proto", "https"),
        ("accept-encoding", "gzip, deflate, br"),
        ("content-type", "application/json"),
        ("x-envoy-internal", "true"),
    ];
    let authorization = authorization.as_deref();
    let headers = headers
        .into_iter()
        .chain(authorization.map(|value| ("authorization", value)));
    let http = |http: &mut MessageWriter| {
        let texts = [
            (1, "1000000001"),
            (2, "GET"),
            (4, "/api/data"),
            (5, "api.acme.example"),
            (6, "https"),
            (10, "HTTP/2"),
        ];
        for (field, text) in texts {
            http.text(field, text);
        }
        http.message(13, |map| {
            for (name, value) in headers {
                map.message(1, |header| {
                    header.text(1, name);
                    header.text(3, value);
                });
            }
        });
    };
    let mut check = MessageWriter::default();
    check.message(1, |attributes| {
        attributes.message(4, |request| request.message(2, http));
    });
    check.into_bytes()
}
