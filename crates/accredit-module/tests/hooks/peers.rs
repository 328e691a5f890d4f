//! What the module knows of the connection's peer: its address, and its client certificate.

use std::time::{Duration, Instant};

use accredit_module::process::module_process::ModuleProcess;
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::token::Token;
use serde_json::json;

use crate::fake_envoy::FakeEnvoy;
use crate::module_log::logged_with;

const CONTINUE: u32 = 0;
const STOP: u32 = 1;

const ISSUER: &str = "https://peers.test";

fn envoy(lines: &str) -> FakeEnvoy {
    let keys = set([rsa(0).jwk("k")]);
    FakeEnvoy::start(&format!(
        "{lines}issuers:\n  - issuer: {ISSUER}\n    audiences: [api.test]\n    jwks: {{ inline: '{keys}' }}\n"
    ))
    .unwrap()
}

#[test]
fn the_source_address_of_a_stream_has_no_port() {
    let envoy = envoy(
        "rules:\n  - { match: { addresses: [192.0.2.0/24, '2001:db8::/32'] }, access: anonymous }\n",
    );
    for (source, status) in [
        (Some("192.0.2.7:40000"), CONTINUE),
        (Some("[2001:db8::7]:40000"), CONTINUE),
        (Some("198.51.100.7:40000"), STOP),
        (Some("/run/socket"), STOP),
        (None, STOP),
    ] {
        let stream = envoy.stream_with(&[], |stream| {
            stream.source = source.map(str::to_owned);
        });
        assert_eq!(stream.request_headers(), status, "{source:?}");
        stream.end();
    }
}

/// Envoy gives the port 0 with an address that it took from `x-forwarded-for`.
#[test]
fn an_address_from_a_header_decides_nothing() {
    let anonymous = "rules:\n  - { name: a, access: anonymous, ";
    for (lines, is_read) in [
        ("match: { addresses: [192.0.2.0/24] } }\n", true),
        ("match: { addresses: [198.51.100.0/24] } }\n", true),
        ("when: 'source.address == \"192.0.2.7\"' }\n", true),
        ("when: 'size(source) > 0' }\n", true),
        (
            "match: { methods: [PUT] } }\n  - { name: b, access: deny, match: { addresses: [198.51.100.0/24] } }\n",
            true,
        ),
        ("when: 'true' }\nmetadata: { from: source.address }\n", true),
        ("when: 'true' }\n", false),
        ("when: 'source.principal == \"\"' }\n", false),
    ] {
        let envoy = envoy(&format!("{anonymous}{lines}"));
        for source in ["192.0.2.7:0", "[2001:db8::7]:0"] {
            let stream = envoy.stream_with(&[], |stream| {
                stream.source = Some(source.to_owned());
            });
            let status = if is_read { STOP } else { CONTINUE };
            assert_eq!(stream.request_headers(), status, "{lines}");
            let reply = stream.reply().map(|reply| reply.status);
            assert_eq!(reply, is_read.then_some(500), "{lines}");
            stream.end();
        }
    }
}

#[test]
fn the_log_says_once_why_an_address_from_a_header_is_a_fault() {
    let envoy = envoy("rules:\n  - { name: once, match: { addresses: [203.0.113.0/24] } }\n");
    for _ in 0..3 {
        let stream =
            envoy.stream_with(&[], |stream| stream.source = Some("192.0.2.7:0".to_owned()));
        assert_eq!(stream.request_headers(), STOP);
        stream.end();
    }
    let policies = ModuleProcess::get().unwrap().policies();
    let mut policies = policies.iter().map(|active| active.load());
    let policy = policies.find(|policy| {
        let mut rules = policy.authorizer.rules().iter();
        rules.any(|rule| &*rule.name == "once")
    });
    let config = &policy.unwrap().disclosure.config;
    // The lines of the log are written in order.
    tracing::error!(config = &**config, "the end");
    let deadline = Instant::now() + Duration::from_secs(20);
    while logged_with(&[config, "the end"]) == 0 {
        assert!(Instant::now() < deadline, "the log is not written");
        std::thread::yield_now();
    }
    let line = "a rule reads the client's address, and Envoy takes it from x-forwarded-for";
    assert_eq!(logged_with(&[config, line]), 1);
}

#[test]
fn a_token_is_admitted_only_on_a_connection_with_its_certificate() {
    let envoy = envoy("");
    // The digests of "certificate" and of "other".
    let (own, other) = (digest(b"certificate"), digest(b"other"));
    let thumbprint = accredit_test_support::keys::base64url(own);
    let token = Token::of(ISSUER)
        .claim("cnf", json!({ "x5t#S256": thumbprint }))
        .signed(rsa(0));
    let authorization = format!("Bearer {token}");
    let hex = |digest: [u8; 32]| digest.map(|byte| format!("{byte:02x}")).concat();
    for _ in 0..2 {
        for (presented, details) in [
            (Some(hex(own)), None),
            (Some(hex(other)), Some("accredit_denied[invalid_proof]")),
            (
                Some(String::new()),
                Some("accredit_denied[unproven_binding]"),
            ),
            (None, Some("accredit_denied[unproven_binding]")),
            (
                Some("ab".to_owned()),
                Some("accredit_denied[invalid_proof]"),
            ),
        ] {
            let stream = envoy.stream_with(&[("authorization", &authorization)], |stream| {
                stream.certificate_digest.clone_from(&presented);
            });
            stream.request_headers();
            let reply = stream.reply().map(|reply| reply.details);
            assert_eq!(reply.as_deref(), details, "{presented:?}");
            stream.end();
        }
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    accredit_core::jose::digest::sha256(bytes)
}
