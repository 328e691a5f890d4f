//! A refusal that is looked up afterwards.

use accredit::admin::pb;
use tonic::Code;

use crate::support::check_request::ClientRequest;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, now};

const ISSUER: &str = "https://one.test";

fn configuration() -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    format!(
        "issuers:\n{issuer}rules:\n  - {{ name: ops, match: {{ paths: [/ops] }}, scopes: [ops], when: 'request.method == \"GET\"' }}\n  \
         - {{ name: closed, match: {{ paths: [/closed] }}, access: deny }}\n"
    )
}

async fn find(service: &Service, id: &str) -> Vec<pb::FoundRefusal> {
    let request = pb::FindRefusalsRequest {
        request_id: id.to_owned(),
    };
    let found = service.admin().await.find_refusals(request).await;
    found.expect("is served").into_inner().refusals
}

/// The explanation of a remembered denial equals that of the request, except for the notes that need the token.
#[tokio::test]
async fn a_stored_refusal_is_explained_as_the_request_would_be() {
    let service = Service::ready(&configuration()).await;
    let token = || Token::of(ISSUER);
    let scoped = || token().claim("scopes", "ops");
    let requests = [
        (None, "GET", "/"),
        (None, "GET", "/closed"),
        (None, "GET", "/a/../b"),
        (Some("garbage".to_owned()), "GET", "/"),
        (
            Some(token().claim("exp", now() - 3600).signed(rsa(0))),
            "GET",
            "/",
        ),
        (Some(token().signed(rsa(1))), "GET", "/"),
        (
            Some(token().kid("unheard-of").signed(rsa(0))),
            "GET",
            "/ops",
        ),
        (
            Some(token().claim("aud", "other").signed(rsa(0))),
            "GET",
            "/ops",
        ),
        (Some(token().signed(rsa(0))), "GET", "/ops"),
        (Some(scoped().signed(rsa(0))), "POST", "/ops"),
        (
            Some(Token::of("https://two.test").signed(rsa(0))),
            "GET",
            "/",
        ),
    ];
    for (number, (token, method, path)) in requests.into_iter().enumerate() {
        let id = format!("request-{number}");
        let client_request = token
            .as_deref()
            .map_or_else(ClientRequest::plain, ClientRequest::bearer);
        let answer = service
            .check(
                client_request
                    .to(method, path)
                    .header("x-request-id", id.clone()),
            )
            .await;
        let found = find(&service, &id).await;
        let [refusal] = found.as_slice() else {
            panic!("{path}: {found:?}");
        };
        let decision = refusal.decision.as_ref().expect("is there");
        assert_eq!(decision.reason, answer.reason(), "{path}");
        let mut from_memory = refusal.explanation.clone().expect("is in force");
        let client_request = pb::ExplainRequest {
            token,
            method: Some(method.to_owned()),
            host: Some("api.test".to_owned()),
            path: Some(path.to_owned()),
            ..pb::ExplainRequest::default()
        };
        let result = service
            .admin()
            .await
            .explain(client_request)
            .await
            .expect("is served");
        let mut asked_now = result.into_inner().explanation.expect("is there");
        // Most notes quote the token. The cause of a refusal is kept.
        for step in &mut asked_now.steps {
            step.note = None;
        }
        for step in &mut from_memory.steps {
            step.note = None;
        }
        // Which rules did not match is not kept.
        asked_now.rules.clear();
        asked_now.not_given.clear();
        from_memory.not_given.clear();
        assert_eq!(from_memory, asked_now, "{path}");
    }
}

#[tokio::test]
async fn the_last_thousand_refusals_are_stored_and_no_admission() {
    let service = Service::ready(&configuration()).await;
    let envoy = service.envoy().await;
    let named = |client_request: ClientRequest, id: &str| client_request.header("x-request-id", id);
    envoy.check(named(ClientRequest::plain(), "oldest")).await;
    envoy.check(named(ClientRequest::plain(), "second")).await;
    let good = Token::of(ISSUER).signed(rsa(0));
    envoy
        .check(named(ClientRequest::bearer(&good), "admitted"))
        .await;
    for _ in 0..998 {
        envoy.check(named(ClientRequest::plain(), "later")).await;
    }
    let count = async |id| find(&service, id).await.len();
    assert_eq!((count("oldest").await, count("second").await), (1, 1));
    envoy.check(named(ClientRequest::plain(), "later")).await;
    assert_eq!((count("oldest").await, count("second").await), (0, 1));
    assert_eq!((count("later").await, count("admitted").await), (999, 0));
    let later = find(&service, "later").await;
    let times = later.iter().map(|refusal| {
        refusal
            .decision
            .as_ref()
            .map(|decision| decision.unix_millis)
    });
    assert!(
        times.is_sorted_by(|later, earlier| later >= earlier),
        "the newest first"
    );
}

#[tokio::test]
async fn finding_refusals_needs_a_request_id() {
    let service = Service::ready(&configuration()).await;
    service.check(ClientRequest::plain()).await;
    let request = pb::FindRefusalsRequest::default();
    let refused = service.admin().await.find_refusals(request).await;
    assert_eq!(
        refused.expect_err("is refused").code(),
        Code::InvalidArgument
    );
}

/// The answer depends on the request too: on the scheme of its token, and on the protocol of its client.
#[tokio::test]
async fn a_stored_refusal_has_the_answer_that_the_client_got() {
    let service = Service::ready(&configuration()).await;
    let requests = [
        ClientRequest::plain()
            .header("authorization", "DPoP garbage")
            .header("dpop", "garbage"),
        ClientRequest::plain()
            .to("GET", "/a/..;/b")
            .header("content-type", "application/grpc"),
    ];
    for (number, request) in requests.into_iter().enumerate() {
        let id = format!("answered-{number}");
        let answer = service
            .check(request.header("x-request-id", id.clone()))
            .await;
        let found = find(&service, &id).await;
        let explanation = found[0].explanation.as_ref().expect("is in force");
        let Some(pb::explanation::Answer::Refused(refusal)) = &explanation.answer else {
            panic!("{explanation:?}");
        };
        assert_eq!(i64::from(refusal.status), i64::from(answer.http));
        for name in ["www-authenticate", "grpc-status"] {
            let stored = refusal.headers.iter().find(|header| header.name == name);
            let value = stored.map(|header| header.value.as_str());
            assert_eq!(value, answer.header(name), "{number}: {name}");
        }
        let expected = ["www-authenticate", "grpc-status"][number];
        assert!(answer.header(expected).is_some(), "{answer:?}");
    }
}
