//! Secrets with a mark on them go in by every way there is, and are looked for in all that comes out.

use std::time::Duration;

use accredit::admin::pb::admin_client::AdminClient;
use accredit::admin::pb::{ExplainRequest, FindRefusalsRequest, ListIssuersRequest, TailRequest};
use serde_json::json;

use super::support::check_request::ClientRequest;
use super::support::connection::{Envoy, channel};
use super::support::eventually::{eventually, within};
use super::support::http_get::get;
use super::support::issuer::{Answer, KeyServer, Reply};
use super::support::keys::{base64url, rsa, set};
use super::support::otlp::Receiver;
use super::support::process::{Running, accredit};
use super::support::token::Token;

const MARK: &str = "m4rk3d";

/// A configuration with secrets wherever one can be: in URLs, from the environment, in what key servers answer.
fn configuration(keys: &KeyServer) -> String {
    let (issuer, port) = (keys.url(""), keys.port());
    format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nlog_claims: [oid]\npayload_header: x-jwt-payload\n\
         token_sources: [{{ header: authorization, scheme: Bearer }}, {{ cookie: session }}, {{ query: access_token }}]\n\
         issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    required_claims: [sub, email]\n    \
         jwks: {{ uri: 'http://u{MARK}:p{MARK}@127.0.0.1:{port}/keys?k={MARK}', refresh: 200ms }}\n  \
         - issuer: https://refused.test\n    audiences: [api.test]\n    required: false\n    \
         jwks: {{ uri: 'http://u{MARK}:${{SECRET}}@127.0.0.1:1/keys?k={MARK}', refresh: 200ms }}\n  \
         - issuer: https://rubbish.test\n    audiences: [api.test]\n    required: false\n    \
         jwks: {{ uri: 'http://u{MARK}:p@127.0.0.1:{port}/rubbish?k={MARK}', refresh: 200ms }}\n  \
         - issuer: https://redirects.test\n    audiences: [api.test]\n    required: false\n    \
         jwks: {{ uri: 'http://127.0.0.1:{port}/redirects', refresh: 200ms }}\n\
         rules:\n  - {{ name: scoped, match: {{ paths: [/scoped] }}, scopes: [s] }}\n  \
         - {{ name: judged, match: {{ paths: [/judged] }}, when: 'claims.email == request.headers[\"x-secret\"]' }}\n"
    )
}

async fn key_server() -> KeyServer {
    let keys = KeyServer::start().await;
    let aside = json!({ "kty": "oct", "k": base64url(MARK), "kid": "aside" });
    let mut published = rsa(0).jwk("k");
    published["d"] = base64url(MARK).into();
    let body = set([published, aside]);
    keys.serve(
        &format!("/keys?k={MARK}"),
        Reply::Answer(Answer::of(200, body.clone())),
    );
    keys.serve("/keys", Reply::Answer(Answer::of(200, body)));
    keys.serve(
        "/rubbish",
        Reply::Answer(Answer::of(200, format!("<html>{MARK}</html>"))),
    );
    keys.serve(
        &format!("/rubbish?k={MARK}"),
        Reply::Answer(Answer::of(200, format!("<html>{MARK}</html>"))),
    );
    let elsewhere = format!("http://x{MARK}:y@elsewhere.test/moved?{MARK}");
    keys.serve(
        "/redirects",
        Reply::Answer(Answer::of(302, "").with("location", &elsewhere)),
    );
    keys
}

fn token(issuer: &str) -> Token {
    Token::of(issuer)
        .claim("email", format!("{MARK}@example.test"))
        .claim("sub", format!("sub-{MARK}"))
        .claim("oid", "org_shown")
}

fn requests(token: &Token, issuer: &str) -> Vec<ClientRequest> {
    let good = token.signed(rsa(0));
    let bad = |token: Token| ClientRequest::bearer(&token.signed(rsa(0)));
    let mut requests = vec![
        ClientRequest::bearer(&good),
        ClientRequest::bearer(&good),
        ClientRequest::bearer(&token.signed(rsa(1))),
        ClientRequest::bearer(&good).path("/scoped?x=m4rk3d#m4rk3d"),
        ClientRequest::bearer(&good)
            .path("/judged")
            .header("x-secret", MARK),
        ClientRequest::bearer(&format!("{MARK}.{MARK}.{MARK}")),
        ClientRequest::bearer(MARK),
        ClientRequest::bearer(&format!("{good}{MARK}")),
        bad(token.clone().claim("exp", 1)),
        bad(token.clone().claim("nbf", 253_402_300_799_i64)),
        bad(token.clone().claim("aud", MARK)),
        bad(token.clone().claim("iss", format!("https://{MARK}.test"))),
        bad(token.clone().claim("iss", format!("{issuer}/"))),
        bad(token.clone().claim("cnf", json!({ "jkt": MARK }))),
        bad(token.clone().without("email")),
        bad(token.clone().kid(MARK)),
        bad(token.clone().header("typ", MARK)),
        bad(token.clone().alg(MARK)),
        bad(token.clone().claim("iss", "https://refused.test")),
        bad(token.clone().claim("iss", "https://rubbish.test")),
        ClientRequest::plain().header("authorization", format!("Basic {MARK}")),
        ClientRequest::bearer(&good).header("authorization", format!("Bearer {MARK}")),
        ClientRequest::plain().header("cookie", format!("session={good}; other={MARK}")),
        ClientRequest::plain().path(&format!("/?access_token={good}&other={MARK}")),
        ClientRequest::plain().path(&format!("//?{MARK}")),
        ClientRequest::plain()
            .header("traceparent", MARK)
            .header("tracestate", format!("a={MARK}")),
    ];
    for header in ["x-api-key", "x-jwt-sub", "referer"] {
        requests.push(ClientRequest::bearer(&good).header(header, MARK));
    }
    requests
}

#[tokio::test]
async fn secrets_and_unverified_content_appear_in_no_output() {
    let (keys, receiver) = (key_server().await, Receiver::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration(&keys)).expect("is written");
    let mut command = accredit(&["serve", "--config", file.to_str().expect("is UTF-8")]);
    command
        .env("SECRET", format!("p{MARK}"))
        .env("ACCREDIT_LOG", "trace")
        .env(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("http://{}", receiver.address),
        )
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            format!("authorization=Bearer%20{MARK}"),
        )
        .env("OTEL_BSP_SCHEDULE_DELAY", "20");
    let mut running = Running::start(&mut command).await;
    running.wait_for_line("\"ready\"").await;
    let heard = running.hear();
    let envoy = Envoy::at(running.checks).await;
    let mut admin = AdminClient::new(channel(running.admin).await);
    let followed = admin.tail(TailRequest::default()).await;
    let mut tail = followed.expect("is served").into_inner();
    let token = token(&keys.url(""));
    let requests = requests(&token, &keys.url(""));
    let count = requests.len();
    let mut reasons = std::collections::BTreeSet::new();
    for client_request in requests {
        let client_request = client_request.header("x-request-id", "r-1");
        let answer = envoy
            .check_within(client_request, Duration::from_secs(1))
            .await;
        if answer.is_admission() {
            reasons.insert("allowed".to_owned());
            continue;
        }
        assert!(
            !answer.body.contains(MARK) && !format!("{:?}", answer.headers).contains(MARK),
            "{answer:?}"
        );
        reasons.insert(answer.reason());
    }
    assert!(reasons.len() > 12, "too few ways were tried: {reasons:?}");
    let mut result = Vec::new();
    let refusals = admin.find_refusals(FindRefusalsRequest {
        request_id: "r-1".to_owned(),
    });
    let refusals = refusals.await.expect("is served").into_inner().refusals;
    assert!(refusals.len() >= reasons.len() - 1);
    result.push(format!("{refusals:?}"));
    result.push(format!(
        "{:?}",
        admin
            .list_issuers(ListIssuersRequest {})
            .await
            .expect("is served")
    ));
    for path in ["/metrics", "/readyz"] {
        result.push(get(running.admin, "localhost", path).await.1);
    }
    // Invalid configurations are reported too.
    std::fs::write(
        &file,
        format!(
            "{}colour: {MARK}\n",
            configuration(&keys).replace("refresh", MARK)
        ),
    )
    .expect("is written");
    running.signal("HUP").await;
    eventually("every check has its span", async || {
        let spans = receiver.received.spans();
        let checks = spans
            .iter()
            .filter(|span| span.name.ends_with("/Check"))
            .count();
        (checks >= count).then_some(())
    })
    .await;
    running.signal("TERM").await;
    let mut decisions = 0;
    while let Some(message) = within("the tail ends", tail.message())
        .await
        .expect("is served")
    {
        result.push(format!("{message:?}"));
        decisions += 1;
    }
    assert_eq!(decisions, count, "the tail has some of the decisions only");
    let log = within("it ends", heard).await.expect("hears");
    let refusals = log
        .iter()
        .filter(|line| line.contains("\"request denied\""))
        .count();
    assert!(
        refusals >= reasons.len() - 1 && log.iter().any(|line| line.contains("org_shown")),
        "{log:#?}"
    );
    // What the author of a configuration typed as a key is shown back; nothing else is.
    result.extend(log.into_iter().filter(|line| !line.contains("unknown key")));
    let spans: Vec<_> = receiver
        .received
        .spans()
        .iter()
        .map(|span| format!("{span:?}"))
        .collect();
    assert!(spans.iter().any(|span| span.contains("org_shown")));
    result.extend(spans);
    // Beside the mark itself: it encoded, and each part of the token, whose encoding would hide it.
    let good = token.signed(rsa(0));
    let mut marks: Vec<String> = good.split('.').map(str::to_lowercase).collect();
    marks.extend([MARK.to_owned(), base64url(MARK).to_lowercase()]);
    for text in result {
        let text = text.to_lowercase();
        for mark in &marks {
            assert!(!text.contains(mark), "{text}");
        }
    }
}

/// The operator who sends a token to `explain` has it, so the explanation shows its claims. It contains neither the token itself
/// nor another secret of the request.
#[tokio::test]
async fn an_explanation_does_not_contain_the_token() {
    let keys = key_server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration(&keys)).expect("is written");
    let mut command = accredit(&["serve", "--config", file.to_str().expect("is UTF-8")]);
    command.env("SECRET", "p").env("ACCREDIT_LOG", "trace");
    let mut running = Running::start(&mut command).await;
    running.wait_for_line("\"ready\"").await;
    let heard = running.hear();
    let mut admin = AdminClient::new(channel(running.admin).await);
    let token = token(&keys.url(""));
    let expired = token.clone().claim("exp", 1);
    let mut signatures = Vec::new();
    for token in [
        token.signed(rsa(0)),
        token.signed(rsa(1)),
        expired.signed(rsa(0)),
        format!("{MARK}.{MARK}.{MARK}"),
    ] {
        signatures.extend(token.rsplit('.').next().map(str::to_lowercase));
        let client_request = ExplainRequest {
            path: Some(format!("/?access_token={token}&k={MARK}")),
            headers: vec![accredit::admin::pb::Header {
                name: "cookie".to_owned(),
                value: format!("session={token}; other={MARK}"),
            }],
            token: Some(token),
            ..ExplainRequest::default()
        };
        let result = admin
            .explain(client_request.clone())
            .await
            .expect("is served");
        // The client's own shape of the question shows nothing either.
        let shown = format!("{client_request:?} {:?}", result.into_inner()).to_lowercase();
        for signature in &signatures {
            assert!(!shown.contains(signature), "{shown}");
        }
    }
    running.signal("TERM").await;
    for line in within("it ends", heard).await.expect("hears") {
        let line = line.to_lowercase();
        let marks = signatures.iter().map(String::as_str);
        for mark in marks.chain([MARK]) {
            assert!(!line.contains(mark), "{line}");
        }
    }
}
