//! A configuration whose deny list has not come yet: requests wait for it, at most for `check_timeout`.

use std::sync::Arc;

use accredit_test_support::issuer::{Answer, KeyServer, Reply};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::token::Token;
use tokio::sync::Semaphore;

use crate::fake_envoy::{FakeEnvoy, Streaming};

const CONTINUE: u32 = 0;
const STOP: u32 = 1;
const HOLD: u32 = 4;

const ISSUER: &str = "https://denying.test";

/// A configuration with the deny list of this server.
fn configuration(server: &KeyServer, lines: &str) -> String {
    let (keys, uri) = (set([rsa(0).jwk("k")]), server.url("/revoked"));
    format!(
        "{lines}revoked: {{ uri: '{uri}', timeout: 30s }}\nissuers:\n  - issuer: {ISSUER}\n    audiences: [api.test]\n    jwks: {{ inline: '{keys}' }}\n"
    )
}

fn stream(envoy: &FakeEnvoy, subject: &str) -> Streaming {
    let token = Token::of(ISSUER).claim("sub", subject).signed(rsa(0));
    envoy.stream(&[("authorization", &format!("Bearer {token}"))])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_wait_for_the_first_deny_list_of_a_configuration() {
    let (server, permits) = (KeyServer::start().await, Arc::new(Semaphore::new(0)));
    let list = format!("- {{ issuer: '{ISSUER}', sub: thief }}\n");
    let answer = Answer::of(200, list);
    server.serve("/revoked", Reply::When(permits.clone(), answer));
    let envoy = FakeEnvoy::start(&configuration(&server, "check_timeout: 20s\n")).unwrap();
    let (honest, thief, left) = (
        stream(&envoy, "someone"),
        stream(&envoy, "thief"),
        stream(&envoy, "left"),
    );
    for stream in [&honest, &thief, &left] {
        assert_eq!(stream.request_headers(), HOLD);
        assert_eq!(stream.request_body(), STOP);
    }
    // The client leaves.
    left.end();
    permits.add_permits(1);
    honest.run_event();
    assert_eq!(honest.request_body(), CONTINUE);
    assert_eq!(honest.header("x-jwt-sub"), ["someone"]);
    assert_eq!(honest.end().continued, 1);
    thief.run_event();
    let reply = thief.reply().unwrap();
    assert_eq!(reply.details, "accredit_denied[revoked]");
    thief.end();
    // Later requests do not wait, nor do those of a configuration that shares the list.
    let again = FakeEnvoy::start(&configuration(&server, "check_timeout: 19s\n")).unwrap();
    for envoy in [&envoy, &again] {
        let stream = stream(envoy, "someone");
        assert_eq!(stream.request_headers(), CONTINUE);
        stream.end();
    }
}

/// It is no fault of the module, so that the status is that of the service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_deny_list_tokens_get_503_and_other_requests_pass() {
    let server = KeyServer::start().await;
    server.serve("/revoked", Answer::of(500, ""));
    let rules = "check_timeout: 20s\nrules: [{ match: { paths: [/open] }, access: anonymous }]\n";
    let envoy = FakeEnvoy::start(&configuration(&server, rules)).unwrap();
    let refused = stream(&envoy, "someone");
    if refused.request_headers() == HOLD {
        refused.run_event();
    }
    let reply = refused.reply().unwrap();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.details, "accredit_denied[internal_error]");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert!(reply.headers.contains(&header("retry-after", "1")));
    let ended = refused.end();
    assert!(
        !ended
            .counted
            .iter()
            .any(|(name, _)| *name == "accredit_faults")
    );
    let open = envoy.stream_with(&[], |stream| {
        let path = stream.headers.iter_mut().find(|(name, _)| name == ":path");
        path.unwrap().1 = b"/open".to_vec();
    });
    assert_eq!(open.request_headers(), CONTINUE);
    open.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wait_for_a_deny_list_ends_with_check_timeout() {
    let (server, permits) = (KeyServer::start().await, Arc::new(Semaphore::new(0)));
    let answer = Answer::of(200, "[]\n");
    server.serve("/revoked", Reply::When(permits.clone(), answer));
    let envoy = FakeEnvoy::start(&configuration(&server, "check_timeout: 50ms\n")).unwrap();
    let held = stream(&envoy, "someone");
    assert_eq!(held.request_headers(), HOLD);
    held.run_event();
    assert_eq!(held.reply().unwrap().status, 503);
    held.end();
    permits.add_permits(1);
}

/// Envoy does neither. What it might do wrong must not admit the request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_stream_with_headers_or_an_event_out_of_order_is_denied() {
    let (server, permits) = (KeyServer::start().await, Arc::new(Semaphore::new(0)));
    let answer = Answer::of(200, "[]\n");
    server.serve("/revoked", Reply::When(permits.clone(), answer));
    let envoy = FakeEnvoy::start(&configuration(&server, "check_timeout: 18s\n")).unwrap();
    let (again, early) = (stream(&envoy, "again"), stream(&envoy, "early"));
    for stream in [&again, &early] {
        stream.run_foreign_event();
        assert_eq!(stream.request_headers(), HOLD);
    }
    assert_eq!(again.request_headers(), STOP);
    early.run_foreign_event();
    for (stream, status) in [(again, 500), (early, 503)] {
        assert_eq!(stream.reply().unwrap().status, status);
        // An event of the wait that was given up.
        stream.run_foreign_event();
        assert_eq!(stream.request_body(), STOP);
        assert_eq!(stream.end().continued, 0);
    }
    permits.add_permits(1);
}
