//! One stream: admitted, refused, held and given up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use accredit_core::config::route_config::RouteSettings;
use accredit_module::host::routes;
use accredit_test_support::issuer::{Answer, KeyServer, Reply};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::token::{Token, with_bad_signature};
use tokio::sync::Semaphore;

use crate::fake_callbacks::SCHEDULERS;
use crate::fake_envoy::FakeEnvoy;
use crate::fake_stream::FakeStream;

const CONTINUE: u32 = 0;
const STOP: u32 = 1;
const HOLD: u32 = 4;

const ISSUER: &str = "https://one.test";

fn configuration(lines: &str) -> String {
    let keys = set([rsa(0).jwk("k")]);
    format!(
        "{lines}issuers:\n  - issuer: {ISSUER}\n    audiences: [api.test]\n    jwks: {{ inline: '{keys}' }}\n"
    )
}

fn bearer(token: &Token) -> String {
    format!("Bearer {}", token.signed(rsa(0)))
}

#[test]
fn an_admitted_stream_goes_on_with_the_headers_of_its_token() {
    let envoy = FakeEnvoy::start(&configuration("")).unwrap();
    let authorization = bearer(&Token::of(ISSUER));
    let stream = envoy.stream(&[
        ("authorization", &authorization),
        ("x-jwt-sub", "admin"),
        ("x-jwt-sub", "root"),
        ("x_jwt_sub", "admin"),
        ("accept", "*/*"),
    ]);
    // Nothing passes before the headers are judged.
    assert_eq!(stream.request_body(), STOP);
    assert_eq!(stream.request_headers(), CONTINUE);
    assert_eq!(stream.request_body(), CONTINUE);
    assert_eq!(stream.header("x-jwt-sub"), ["someone"]);
    assert_eq!(stream.header("x_jwt_sub"), [""; 0]);
    assert_eq!(stream.header("accept"), ["*/*"]);
    let ended = stream.end();
    assert_eq!(ended.reply, None);
    assert_eq!(ended.counted, [("accredit_allowed", None)]);
    let metadata = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert!(ended.metadata.contains(&metadata("decision", "allow")));
    assert!(ended.metadata.contains(&metadata("subject", "someone")));
}

#[test]
fn a_refused_stream_gets_the_answer_of_its_reason() {
    let envoy = FakeEnvoy::start(&configuration("")).unwrap();
    let stream = envoy.stream(&[]);
    assert_eq!(stream.request_headers(), STOP);
    assert_eq!(stream.request_body(), STOP);
    let reply = stream.reply().unwrap();
    assert_eq!(reply.status, 401);
    assert_eq!(reply.body, r#"{"error":"Missing authorization token"}"#);
    assert_eq!(reply.details, "accredit_denied[missing_token]");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let challenge = header("www-authenticate", "Bearer realm=\"api\"");
    assert!(reply.headers.contains(&challenge), "{reply:?}");
    let ended = stream.end();
    let reason = Some("missing_token".to_owned());
    assert_eq!(
        ended.counted,
        [("accredit_denied", None), ("accredit_denials", reason)]
    );
}

#[test]
fn a_route_gives_its_context_or_turns_the_check_off() {
    let rules = "rules:\n  - { match: { context: { access: open } }, access: anonymous }\n";
    let envoy = FakeEnvoy::start(&configuration(rules)).unwrap();
    let entry = |value: &str| ("access".to_owned(), value.to_owned());
    let checked = |value: &str| RouteSettings::Checked {
        context: vec![entry(value)],
    };
    for (settings, status) in [
        (checked("open"), CONTINUE),
        (checked("other"), STOP),
        (RouteSettings::Disabled, CONTINUE),
    ] {
        let route = routes::keep(settings.clone());
        let stream = envoy.stream_with(&[], |stream| stream.route = Some(route.addr()));
        assert_eq!(stream.request_headers(), status, "{settings:?}");
        stream.end();
        routes::forget(route);
    }
}

/// Nothing verified the claim headers of a request that is not checked.
#[test]
fn a_route_without_checks_lets_no_claim_header_pass() {
    let envoy = FakeEnvoy::start(&configuration(
        "strip_headers: [x-jwt-*, x-internal-user]\n",
    ))
    .unwrap();
    let route = routes::keep(RouteSettings::Disabled);
    let headers = [
        ("x-jwt-sub", "admin"),
        ("x-jwt-sub", "root"),
        ("x_jwt_sub", "admin"),
        ("x-jwt-anything", "admin"),
        ("x.internal.user", "admin"),
        ("x-internal-user", "admin"),
        ("x-envoy-auth-failure-mode-allowed", "true"),
    ];
    let kept = [("authorization", "Bearer x"), ("accept", "*/*")];
    let all: Vec<_> = headers.into_iter().chain(kept).collect();
    let stream = envoy.stream_with(&all, |stream| stream.route = Some(route.addr()));
    assert_eq!(stream.request_headers(), CONTINUE);
    assert_eq!(stream.request_body(), CONTINUE);
    for (name, _) in headers {
        assert_eq!(stream.header(name), [""; 0], "{name}");
    }
    for (name, value) in kept {
        assert_eq!(stream.header(name), [value]);
    }
    let ended = stream.end();
    assert_eq!(
        (ended.reply, ended.counted, ended.metadata),
        (None, vec![], vec![])
    );
    // A request whose headers cannot be removed does not pass.
    let faults: [fn(&mut FakeStream); 2] = [
        |stream| stream.takes_no_changes = true,
        |stream| stream.hides_headers = true,
    ];
    for fault in faults {
        let stream = envoy.stream_with(&headers, |stream| {
            stream.route = Some(route.addr());
            fault(stream);
        });
        assert_eq!(stream.request_headers(), STOP);
        assert_eq!(stream.request_body(), STOP);
        assert_eq!(stream.reply().unwrap().status, 500);
        stream.end();
    }
    routes::forget(route);
}

/// The module whose version made the configuration of the route could have meant anything by it.
#[test]
fn a_route_of_another_module_is_a_fault() {
    let envoy = FakeEnvoy::start(&configuration("")).unwrap();
    let authorization = bearer(&Token::of(ISSUER));
    let headers = [("authorization", authorization.as_str())];
    let stream = envoy.stream_with(&headers, |stream| stream.route = Some(64));
    assert_eq!(stream.request_headers(), STOP);
    assert_eq!(stream.reply().unwrap().status, 500);
    stream.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_stream_is_resumed_or_gives_up_its_scheduler() {
    let keys = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let (issuer, uri) = (keys.url(""), keys.url("/keys"));
    let envoy = FakeEnvoy::start(&format!(
        "check_timeout: 10s\nissuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}' }}\n"
    ))
    .unwrap();
    // The first fetch is in flight, or has ended: either way the first token is admitted in the end.
    let authorization = bearer(&Token::of(&issuer));
    let first = envoy.stream(&[("authorization", &authorization)]);
    if first.request_headers() == HOLD {
        first.run_event();
        assert_eq!(first.end().continued, 1);
    } else {
        first.end();
    }
    keys.serve("/keys", set([rsa(0).jwk("k"), rsa(1).jwk("new")]));
    let unknown = Token::of(&issuer).header("kid", "new").signed(rsa(1));
    let authorization = format!("Bearer {unknown}");
    let stream = envoy.stream(&[("authorization", &authorization), ("x-jwt-sub", "admin")]);
    assert_eq!(stream.request_headers(), HOLD);
    assert_eq!(stream.request_body(), STOP);
    stream.run_event();
    assert_eq!(stream.header("x-jwt-sub"), ["someone"]);
    assert_eq!(stream.request_body(), CONTINUE);
    // A late event changes nothing.
    stream.run_foreign_event();
    let ended = stream.end();
    assert_eq!((ended.continued, ended.reply), (1, None));

    // Within the cooldown, another unknown key waits for nothing.
    let other = Token::of(&issuer).header("kid", "other").signed(rsa(1));
    let authorization = format!("Bearer {other}");
    let stream = envoy.stream(&[("authorization", &authorization)]);
    let status = stream.request_headers();
    if status == HOLD {
        // Ends before the wait does.
        stream.end();
    } else {
        assert_eq!(stream.reply().unwrap().status, 503);
        stream.end();
    }
    drop(envoy);
    let deadline = Instant::now() + Duration::from_secs(20);
    while SCHEDULERS.load(Ordering::SeqCst) > 0 {
        assert!(Instant::now() < deadline, "a scheduler is left");
        tokio::task::yield_now().await;
    }
}

/// The module must not touch its filter after these calls, which AddressSanitizer finds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_can_end_within_the_call_that_denies_or_resumes_it() {
    let permits = Arc::new(Semaphore::new(0));
    let answer = Answer::of(200, set([rsa(0).jwk("k")]));
    let keys = KeyServer::with_keys(Reply::When(permits.clone(), answer)).await;
    let (issuer, uri) = (keys.url(""), keys.url("/keys"));
    let envoy = FakeEnvoy::start(&format!(
        "check_timeout: 20s\nissuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}', timeout: 20s }}\n"
    ))
    .unwrap();
    let denied = envoy.stream(&[]);
    denied.ends_within_call();
    assert_eq!(denied.request_headers(), STOP);
    assert_eq!(denied.end().reply.unwrap().status, 401);
    let good = Token::of(&issuer).signed(rsa(0));
    let forged = with_bad_signature(&good);
    let [admitted, refused] = [good, forged].map(|token| {
        let stream = envoy.stream(&[("authorization", &format!("Bearer {token}"))]);
        stream.ends_within_call();
        assert_eq!(stream.request_headers(), HOLD);
        stream
    });
    permits.add_permits(1);
    for stream in [&admitted, &refused] {
        stream.run_event();
    }
    assert_eq!(admitted.end().continued, 1);
    let ended = refused.end();
    assert_eq!((ended.reply.unwrap().status, ended.continued), (401, 0));
}
