//! Whole decisions, from the bytes of Envoy's message to the bytes of the answer: only a token that was minted for the
//! configuration and satisfies the rule admits, byte for byte, and a clean request with such a token is admitted.

use std::sync::LazyLock;

use accredit::envoy::service::CheckService;
use accredit_core::authz::authorizer::Authorizer;
use prost::Message as _;

use super::answer_oracle::{Answered, judge_form};
use super::asked::Asked;
use super::choices::Choices;
use super::minted::{KEY, MINTED, Minted, OTHER_KEY, satisfies};
use super::reduced_message::{Check, Http};
use super::service;

const RULES: &str = r#"
rules:
  - { name: open, match: { paths: [/open/**] }, access: anonymous }
  - { name: optional, match: { paths: [/optional/**] }, access: optional }
  - { name: write, match: { paths: [/write/**], methods: [POST] }, scopes: [write] }
  - { name: billing, match: { paths: [/billing/**] }, audiences: [billing] }
  - { name: when, match: { paths: [/when/**] }, when: 'claims.sub == "alice" && request.method == "GET"' }
  - { name: partner, match: { paths: [/partner/**] }, issuers: [https://b.example] }
  - { name: never, match: { paths: [/never/**] }, access: deny }
  - { name: rest }
"#;

static SERVICES: LazyLock<Vec<CheckService<Authorizer>>> = LazyLock::new(|| {
    let issuers = format!(
        "issuers:\n  - issuer: https://a.example\n    algorithms: [EdDSA]\n    jwks: {{ inline: '{}' }}\n    audiences: [api]\n  - issuer: https://b.example\n    algorithms: [EdDSA]\n    jwks: {{ inline: '{}' }}\n    audiences: [api]\n",
        KEY.key_set("k"),
        OTHER_KEY.key_set("k")
    );
    [
        "",
        "forward_token: false\ntoken_sources: [{ header: authorization, scheme: Bearer }, { header: x-api-token }, { cookie: session }, { query: access_token }]\npayload_header: x-jwt-payload\n",
        "token_cache: 0\nerror_details: false\nunavailable: defer\ntoken_sources: [{ cookie: session }, { header: authorization, scheme: Bearer }]\nforward_token: false\nlog_claims: [sub]\n",
    ]
    .map(|settings| service::of_text(&format!("{settings}{issuers}{RULES}")))
    .into()
});

/// The places of each service's token sources, as [`Asked::place`] numbers them.
const PLACES: [&[usize]; 3] = [&[0], &[0, 1, 2, 3], &[0, 2]];

/// Whether the request is admitted.
pub fn check(input: &[u8]) -> bool {
    let mut choices = Choices::new(input);
    let service = choices.below(SERVICES.len());
    let asked = Asked::chosen(&mut choices);
    let mut message = asked.message(&mut choices).encode_to_vec();
    let is_edited = choices.one_in(3);
    if is_edited {
        choices.edit(
            &mut message,
            &[
                "\n", "\x12\0", "/open/", "Bearer ", ".", "GET", ":path", "session=",
            ],
        );
    }
    let answer =
        service::answer(&SERVICES[service], &message).expect("the keys are in the configuration");
    let read = Check::decode(&*message)
        .ok()
        .filter(|check| check.http().is_some());
    let answered = judge_form(&answer, read.as_ref().and_then(Check::http));
    if answered.is_admitted {
        let read = read.expect("only a message that can be read is admitted");
        assert_permitted(&answered, read.http().expect("has attributes"));
    }
    if let Some(expected) = asked.expected(PLACES[service]).filter(|_| !is_edited) {
        let Asked {
            path,
            method,
            token,
            place,
            beside,
            ..
        } = &asked;
        assert_eq!(
            answered.is_admitted, expected,
            "{}: {method} {path}, token {token:?} at {place} beside {beside:?}, service {service}",
            answered.reason
        );
    }
    answered.is_admitted
}

/// The token of the message is a minted one that satisfies the rule, or the rule needs none.
fn assert_permitted(answered: &Answered, http: &Http) {
    let rule = answered.rule.as_str();
    if answered.reason == "anonymous" {
        assert!(["open", "optional"].contains(&rule), "{rule}");
        assert_eq!(answered.subject, None);
        return;
    }
    assert_eq!(answered.reason, "allowed");
    let permits = |token: &Minted| {
        answered.subject.as_deref() == Some(token.subject)
            && satisfies(token, rule, &http.method)
            && contains(http, &token.text)
    };
    assert!(
        MINTED.iter().any(permits),
        "{rule} {:?}: {http:?}",
        answered.subject
    );
}

/// Whether a header or the path has the token, and no other character of a token beside it.
fn contains(http: &Http, token: &str) -> bool {
    let is_of_token = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    let mut texts: Vec<Vec<u8>> = http.entries().into_iter().map(|(_, value)| value).collect();
    texts.push(http.path.clone().into_bytes());
    texts.iter().any(|text| {
        let found = text
            .windows(token.len())
            .enumerate()
            .filter(|(_, part)| *part == token.as_bytes());
        found.map(|(at, _)| at).any(|at| {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            !is_of_token(before) && !is_of_token(text.get(at + token.len()))
        })
    })
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0; 40], vec![0xff; 40]];
    for choice in [1_u8, 3, 7, 29, 53, 85, 113, 170, 201] {
        seeds.push((0..60_u8).map(|at| at.wrapping_mul(choice)).collect());
    }
    seeds
}
