//! Decisions as they are made.

use accredit::admin::pb;
use accredit::admin::pb::admin_client::AdminClient;
use accredit::admin::pb::tail_response::Item;
use futures_util::stream::{self, StreamExt as _};
use tonic::transport::Endpoint;
use tonic::{Code, Streaming};

use crate::support::check_request::ClientRequest;
use crate::support::eventually::within;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, now};

const ISSUER: &str = "https://one.test";

fn configuration() -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    format!(
        "log_claims: [oid]\nissuers:\n{issuer}rules:\n  \
         - {{ name: health, match: {{ paths: [/healthz] }}, access: anonymous }}\n  \
         - {{ name: ops, match: {{ paths: ['/ops/**'] }}, scopes: [ops] }}\n"
    )
}

fn token() -> Token {
    Token::of(ISSUER)
        .claim("oid", "org_1")
        .claim("email", "secret@not.shown")
}

async fn follow(service: &Service, request: pb::TailRequest) -> Streaming<pb::TailResponse> {
    let followed = service.admin().await.tail(request).await;
    followed.expect("is served").into_inner()
}

async fn result(tail: &mut Streaming<pb::TailResponse>) -> Option<Item> {
    let message = within("a message arrives", tail.message()).await;
    message
        .expect("no error")
        .map(|message| message.item.expect("tells"))
}

async fn decision(tail: &mut Streaming<pb::TailResponse>) -> pb::Decision {
    match result(tail).await {
        Some(Item::Decision(decision)) => decision,
        other => panic!("no decision: {other:?}"),
    }
}

#[tokio::test]
async fn a_follower_gets_the_fields_of_each_decision_and_no_more() {
    let service = Service::ready(&configuration()).await;
    let mut tail = follow(&service, pb::TailRequest::default()).await;
    let before = now() * 1000;
    let good = token().signed(rsa(0));
    let asked =
        |client_request: ClientRequest| client_request.header("x-request-id", "r-1").at("API.test");
    service
        .check(asked(ClientRequest::bearer(&good).to("PUT", "/a?secret=1")))
        .await;
    let allowed = decision(&mut tail).await;
    let expected = pb::Decision {
        decision: "allow".to_owned(),
        reason: "allowed".to_owned(),
        rule: "default".to_owned(),
        issuer: Some(ISSUER.to_owned()),
        key_id: Some("k".to_owned()),
        request_id: Some("r-1".to_owned()),
        method: Some("PUT".to_owned()),
        host: Some("API.test".to_owned()),
        path: Some("/a".to_owned()),
        token_cache: Some("miss".to_owned()),
        claims: [("oid".to_owned(), "org_1".to_owned())].into(),
        // Of the clock and of the configuration's text.
        unix_millis: allowed.unix_millis,
        latency_micros: allowed.latency_micros,
        config: allowed.config.clone(),
        trace_id: None,
        cause: None,
    };
    assert_eq!(allowed, expected);
    assert!(
        (before..=before + 60_000).contains(&allowed.unix_millis) && allowed.latency_micros > 0
    );
    assert_eq!(allowed.config.len(), 12);

    // Of an unverified token, only a configured issuer and a held key id appear (CONTRACT 4.13.3).
    let forged = token().claim("oid", "org_2").signed(rsa(1));
    service
        .check(asked(ClientRequest::bearer(&forged).path("/b")))
        .await;
    let refused = decision(&mut tail).await;
    assert_eq!(refused.reason, "invalid_signature");
    assert_eq!(
        (refused.issuer.as_deref(), refused.key_id.as_deref()),
        (Some(ISSUER), Some("k"))
    );
    assert!(refused.claims.is_empty());

    // A message that cannot be read has no request.
    service
        .check(envoy_types::pb::envoy::service::auth::v3::CheckRequest::default())
        .await;
    let unread = decision(&mut tail).await;
    assert_eq!(
        (unread.reason.as_str(), unread.method),
        ("invalid_request", None)
    );
}

#[tokio::test]
async fn each_tail_filter_selects_only_matching_decisions() {
    let service = Service::ready(&format!("drain: 5s\n{}", configuration())).await;
    let good = token().signed(rsa(0));
    let text = |text: &str| vec![text.to_owned()];
    let all = pb::TailRequest::default;
    let filters = [
        (
            pb::TailRequest {
                decision: "deny".to_owned(),
                ..all()
            },
            "/1 /4 /ops/5",
        ),
        (
            pb::TailRequest {
                decision: "allow".to_owned(),
                ..all()
            },
            "/healthz /3",
        ),
        (
            pb::TailRequest {
                reasons: vec!["missing_token".to_owned(), "anonymous".to_owned()],
                ..all()
            },
            "/1 /healthz",
        ),
        (
            pb::TailRequest {
                issuers: text("none"),
                ..all()
            },
            "/1 /healthz",
        ),
        (
            pb::TailRequest {
                issuers: text("unknown"),
                ..all()
            },
            "/4",
        ),
        (
            pb::TailRequest {
                issuers: text(ISSUER),
                ..all()
            },
            "/3 /ops/5",
        ),
        (
            pb::TailRequest {
                rules: vec!["health".to_owned(), "ops".to_owned()],
                ..all()
            },
            "/healthz /ops/5",
        ),
        (
            pb::TailRequest {
                path_prefix: "/ops".to_owned(),
                ..all()
            },
            "/ops/5",
        ),
        (
            pb::TailRequest {
                decision: "deny".to_owned(),
                issuers: text(ISSUER),
                ..all()
            },
            "/ops/5",
        ),
        (all(), "/1 /healthz /3 /4 /ops/5"),
    ];
    let mut tails = Vec::new();
    for (filter, expected) in filters {
        tails.push((follow(&service, filter.clone()).await, filter, expected));
    }
    let stranger = Token::of("https://elsewhere.test").signed(rsa(0));
    for client_request in [
        ClientRequest::plain().path("/1"),
        ClientRequest::plain().path("/healthz"),
        ClientRequest::bearer(&good).path("/3"),
        ClientRequest::bearer(&stranger).path("/4"),
        ClientRequest::bearer(&good).path("/ops/5"),
    ] {
        service.check(client_request).await;
    }
    let mut service = service;
    service.stop();
    // The end comes after all that was decided, so nothing more can follow.
    for (mut tail, filter, expected) in tails {
        let mut paths = Vec::new();
        while let Some(Item::Decision(decision)) = result(&mut tail).await {
            paths.push(decision.path.expect("was read"));
        }
        assert_eq!(paths.join(" "), expected, "{filter:?}");
    }
    service
        .ended()
        .await
        .expect("drains while a client follows the tail");
}

#[tokio::test]
async fn a_tail_filter_that_matches_no_possible_decision_is_an_error() {
    let service = Service::ready(&configuration()).await;
    for (request, expected) in [
        (
            pb::TailRequest {
                decision: "denied".to_owned(),
                ..pb::TailRequest::default()
            },
            "denied",
        ),
        (
            pb::TailRequest {
                reasons: vec!["expried".to_owned()],
                ..pb::TailRequest::default()
            },
            "expried",
        ),
    ] {
        let refused = service
            .admin()
            .await
            .tail(request)
            .await
            .expect_err("is refused");
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(expected), "{refused}");
    }
}

/// Every decision is compared with every name, and no decision shall wait for that.
#[tokio::test]
async fn a_tail_filter_with_too_many_values_is_an_error() {
    let service = Service::ready(&configuration()).await;
    let many = |name: &str| vec![name.to_owned(); 100_000];
    let all = pb::TailRequest::default;
    for request in [
        pb::TailRequest {
            reasons: many("expired"),
            ..all()
        },
        pb::TailRequest {
            issuers: many("i"),
            ..all()
        },
        pb::TailRequest {
            rules: many("r"),
            ..all()
        },
    ] {
        let refused = service.admin().await.tail(request).await;
        let refused = refused.expect_err("is refused");
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("at most"), "{refused}");
    }
    let rules = (0..100).map(|number| format!("rule {number}")).collect();
    follow(&service, pb::TailRequest { rules, ..all() }).await;
}

#[tokio::test]
async fn a_follower_that_does_not_read_loses_decisions_and_gets_their_number() {
    // The service closes a connection whose peer reads nothing for ten seconds, so this must not take long.
    const CHECKS: u64 = 2400;
    let service = Service::ready(&configuration()).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", service.admin)).unwrap();
    let narrow = endpoint.initial_stream_window_size(65_535);
    let mut admin = AdminClient::new(narrow.connect().await.expect("is served"));
    let followed = admin.tail(pb::TailRequest::default()).await;
    let mut tail = followed.expect("is served").into_inner();
    let envoy = service.envoy().await;
    // More than the connection's windows and the queue hold together.
    let path = format!("/{}", "x".repeat(1000));
    let checks = (0..CHECKS).map(|_| envoy.check(ClientRequest::plain().path(&path)));
    let mut checks = stream::iter(checks).buffer_unordered(32);
    while checks.next().await.is_some() {}
    let (mut seen, mut lost) = (0, 0);
    while seen + lost < CHECKS {
        match result(&mut tail).await {
            Some(Item::Decision(_)) => seen += 1,
            Some(Item::Lost(more)) => lost += more,
            None => panic!("ends after {seen} decisions and {lost} lost"),
        }
    }
    assert_eq!(seen + lost, CHECKS);
    assert!(lost > 0 && seen > 1000, "{seen} seen, {lost} lost");
    // And from then on it misses nothing.
    service.check(ClientRequest::plain().path("/now")).await;
    assert_eq!(decision(&mut tail).await.path.as_deref(), Some("/now"));
}

#[tokio::test]
async fn followers_are_limited_and_one_that_leaves_frees_its_place() {
    let service = Service::ready(&configuration()).await;
    let mut tails = Vec::new();
    let refused = loop {
        match service.admin().await.tail(pb::TailRequest::default()).await {
            Ok(tail) => tails.push(tail.into_inner()),
            Err(refused) => break refused,
        }
        assert!(tails.len() < 1000, "no tail is refused");
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop(tails);
    crate::support::eventually::eventually("there is room again", async || {
        service
            .admin()
            .await
            .tail(pb::TailRequest::default())
            .await
            .ok()
    })
    .await;
}
