//! What a running service would decide.

use std::collections::HashMap;

use accredit::admin::pb;

use crate::support::check_request::ClientRequest;
use crate::support::http_get::get;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer, issuer_at};
use crate::support::token::{Token, now};

async fn explain(service: &Service, client_request: pb::ExplainRequest) -> pb::Explanation {
    let result = service.admin().await.explain(client_request).await;
    result
        .expect("is served")
        .into_inner()
        .explanation
        .expect("is there")
}

async fn start(rules: &str) -> (KeyServer, Service) {
    let keys = KeyServer::start().await;
    keys.serve(
        "/keys",
        Reply::Answer(Answer::of(200, set([rsa(0).jwk("k")]))),
    );
    let service = Service::ready(&format!("{}{rules}", issuer_at(&keys, ""))).await;
    (keys, service)
}

/// CONTRACT 2.5.6: the admin API says why a claim header is left out.
#[tokio::test]
async fn it_says_why_claim_headers_are_left_out() {
    let (keys, service) = start("").await;
    let token = Token::of(&keys.url("")).claim("oid", "").signed(rsa(0));
    let explanation = explain(
        &service,
        pb::ExplainRequest {
            token: Some(token),
            ..pb::ExplainRequest::default()
        },
    )
    .await;
    let Some(pb::explanation::Answer::Admitted(admission)) = explanation.answer else {
        panic!("{explanation:?}");
    };
    let left_out: Vec<_> = admission
        .left_out
        .iter()
        .map(|header| (header.name.as_str(), header.cause.as_str()))
        .collect();
    assert!(
        left_out.contains(&("x-jwt-org", "the value is empty")),
        "{left_out:?}"
    );
}

/// Every input of a decision can be given, and none is left unheard.
#[tokio::test]
async fn an_explanation_considers_every_part_of_a_request() {
    let (keys, service) = start(
        "rules:\n  - { name: inner, match: { context: { tier: internal } }, access: deny }\n  \
         - { name: peer, match: { hosts: [api.test], methods: [PUT] }, when: 'source.address == \"192.0.2.1\" && \
         source.principal == \"spiffe://a/b\" && request.headers[\"x-a\"] == \"b\" && request.query == \"q=1\"' }\n",
    )
    .await;
    let token = Token::of(&keys.url("")).signed(rsa(0));
    let client_request = pb::ExplainRequest {
        token: Some(token),
        method: Some("PUT".to_owned()),
        host: Some("api.test".to_owned()),
        path: Some("/x?q=1".to_owned()),
        headers: vec![pb::Header {
            name: "X-A".to_owned(),
            value: "b".to_owned(),
        }],
        context: HashMap::new(),
        source_address: "192.0.2.1".to_owned(),
        source_principal: "spiffe://a/b".to_owned(),
        ..pb::ExplainRequest::default()
    };
    let explanation = explain(&service, client_request.clone()).await;
    assert_eq!(
        (explanation.reason.as_str(), explanation.rule.as_str()),
        ("allowed", "peer")
    );
    let without = |change: fn(&mut pb::ExplainRequest)| {
        let mut client_request = client_request.clone();
        change(&mut client_request);
        client_request
    };
    for (client_request, reason) in [
        (
            without(|client_request| client_request.token = None),
            "missing_token",
        ),
        (
            without(|client_request| client_request.source_address.clear()),
            "condition_failed",
        ),
        (
            without(|client_request| client_request.source_principal.clear()),
            "condition_failed",
        ),
        (
            without(|client_request| client_request.headers.clear()),
            "condition_failed",
        ),
        (
            without(|client_request| client_request.path = None),
            "condition_failed",
        ),
        (
            without(|client_request| {
                client_request.context = [("tier".to_owned(), "internal".to_owned())].into()
            }),
            "denied_by_rule",
        ),
        (
            without(|client_request| client_request.method = None),
            "allowed",
        ),
    ] {
        assert_eq!(
            explain(&service, client_request.clone()).await.reason,
            reason,
            "{client_request:?}"
        );
    }
}

#[tokio::test]
async fn an_explanation_changes_nothing() {
    let (keys, service) = start("").await;
    let issuer = keys.url("");
    let fetches = keys.count("/keys");
    let metrics = async || {
        let (_, text) = get(service.admin, "localhost", "/metrics").await;
        // What passes by itself, and what asking for metrics does.
        let lines = text.lines().filter(|line| !line.contains("_age_seconds"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = metrics().await;
    let client_request = |token: &Token| pb::ExplainRequest {
        token: Some(token.signed(rsa(0))),
        ..pb::ExplainRequest::default()
    };
    for (token, reason, note) in [
        (Token::of(&issuer), "allowed", None),
        (
            Token::of(&issuer).kid("new"),
            "unknown_key",
            Some("decided with the keys held now"),
        ),
        (
            Token::of(&issuer).kid("new").claim("exp", now() - 3600),
            "expired",
            None,
        ),
        (
            Token::of(&format!("{issuer}/")),
            "unknown_issuer",
            Some("only by a final `/`"),
        ),
    ] {
        let explanation = explain(&service, client_request(&token)).await;
        assert_eq!(explanation.reason, reason);
        let failed = explanation
            .steps
            .iter()
            .find(|step| step.outcome == "failed");
        let said = failed
            .and_then(|step| step.note.clone())
            .unwrap_or_default();
        assert!(said.contains(note.unwrap_or_default()), "{reason}: {said}");
    }
    assert_eq!(metrics().await, before);
    assert_eq!(keys.count("/keys"), fetches);
    // The budget for a new key was not spent either: the first request that bears it has its fetch.
    keys.serve(
        "/keys",
        Reply::Answer(Answer::of(200, set([rsa(0).jwk("new")]))),
    );
    let rotated = Token::of(&issuer).kid("new").signed(rsa(0));
    assert_eq!(
        service
            .check(ClientRequest::bearer(&rotated))
            .await
            .reason(),
        "allowed"
    );
}

/// Only where a fetch could change it: not where the issuer has no such `alg`, and not where keys are never fetched.
#[tokio::test]
async fn an_explanation_states_when_newer_keys_can_change_the_decision() {
    let (keys, fetching) = start("").await;
    let held = set([rsa(0).jwk("k")]);
    let fixed = inline_issuer("https://fixed.test", &held, "");
    let fixed = Service::ready(&format!("issuers:\n{fixed}")).await;
    let url = keys.url("");
    for (issuer, service, could) in [
        (&*url, &fetching, true),
        ("https://fixed.test", &fixed, false),
    ] {
        let token = || Token::of(issuer);
        for (token, reason, could) in [
            (token().kid("new").signed(rsa(0)), "unknown_key", could),
            (token().signed(rsa(1)), "invalid_signature", could),
            (
                token().alg("ES384").signed(rsa(0)),
                "unsupported_algorithm",
                false,
            ),
            (token().claim("exp", 1).signed(rsa(0)), "expired", false),
        ] {
            let client_request = pb::ExplainRequest {
                token: Some(token),
                ..pb::ExplainRequest::default()
            };
            let explanation = explain(service, client_request).await;
            assert_eq!(explanation.reason, reason, "{issuer}");
            let notes = explanation
                .steps
                .iter()
                .filter_map(|step| step.note.as_deref());
            let count = notes
                .filter(|note| note.contains("decided with the keys held now"))
                .count();
            assert_eq!(count, usize::from(could), "{issuer} {reason}");
        }
    }
}
