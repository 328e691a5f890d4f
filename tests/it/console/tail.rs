//! The tail as server-sent events.

use crate::support::check_request::ClientRequest;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

use super::browser::{Events, get, own_page, send_request};

const ISSUER: &str = "https://issuer.test";

fn configuration() -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    format!(
        "log_claims: [sub]\nissuers:\n{issuer}rules:\n  - {{ name: scoped, match: {{ paths: [/scoped/**] }}, scopes: [s] }}\n"
    )
}

#[tokio::test]
async fn console_events_have_the_fields_of_the_tail_command() {
    let service = Service::ready(&configuration()).await;
    let mut events = Events::follow(service.admin, "").await;
    let client_request = ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0)))
        .path("/scoped/7?secret=1")
        .header("x-request-id", "one");
    service.check(client_request).await;
    let result = events.next().await.expect("a message");
    let mut names: Vec<_> = result
        .as_object()
        .expect("is one")
        .keys()
        .cloned()
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "cause",
            "claims",
            "config",
            "decision",
            "host",
            "issuer",
            "key_id",
            "latency_micros",
            "method",
            "path",
            "reason",
            "request_id",
            "rule",
            "timestamp",
            "token_cache",
            "trace_id"
        ]
    );
    for (name, value) in [
        ("decision", "deny"),
        ("reason", "insufficient_scope"),
        ("rule", "scoped"),
        ("issuer", ISSUER),
        ("request_id", "one"),
        ("path", "/scoped/7"),
    ] {
        assert_eq!(result[name], value, "{result}");
    }
    assert_eq!(result["claims"]["sub"], "someone");
}

#[tokio::test]
async fn console_tail_filters_apply_and_an_invalid_one_is_named() {
    let service = Service::ready(&configuration()).await;
    let good = Token::of(ISSUER);
    let expired = ClientRequest::bearer(&good.clone().claim("exp", 1).signed(rsa(0)));
    for query in [
        "decision=deny&reason=expired&reason=not_yet_valid",
        "path=%2Fscoped&reason=expired&issuer=",
        "rule=scoped&issuer=https%3A%2F%2Fissuer.test",
    ] {
        let mut events = Events::follow(service.admin, query).await;
        service.check(ClientRequest::plain().path("/other")).await;
        service
            .check(ClientRequest::bearer(&good.signed(rsa(0))))
            .await;
        service.check(expired.clone().path("/scoped/wanted")).await;
        let result = events.next().await.expect("a message");
        assert_eq!(result["path"], "/scoped/wanted", "{query}: {result}");
    }
    for (query, said) in [
        ("decision=maybe", "`allow`, `deny` or `shadow`"),
        ("reason=bad", "insufficient_scope"),
        ("colour=red", "unknown filter \"colour\""),
    ] {
        let own = own_page(service.admin);
        let answer = get(service.admin, &format!("/console/tail?{query}"), &own).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.body.contains(said), "{answer:?}");
    }
}

#[tokio::test]
async fn a_follower_beyond_the_limit_is_refused_until_another_leaves() {
    let service = Service::ready(&configuration()).await;
    let mut followers = Vec::new();
    for _ in 0..32 {
        followers.push(Events::follow(service.admin, "").await);
    }
    let refused = get(service.admin, "/console/tail", &own_page(service.admin)).await;
    assert_eq!(refused.status, 503);
    assert!(
        refused
            .body
            .contains("the limit of 32 followers is reached"),
        "{refused:?}"
    );
    followers.pop();
    crate::support::eventually::eventually("a place is free", async || {
        // The answer of one who may follow has no end; its head is there at once.
        let taken = get_head(service.admin).await;
        taken.contains(" 200 ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_console_stream_ends_when_the_service_stops() {
    let mut service = Service::ready(&format!("drain: 5s\n{}", configuration())).await;
    let mut events = Events::follow(service.admin, "").await;
    service.check(ClientRequest::plain()).await;
    assert_eq!(
        events.next().await.expect("a message")["reason"],
        "missing_token"
    );
    service.stop();
    assert_eq!(events.next().await, None);
    service
        .ended()
        .await
        .expect("the service ends without an error");
}

async fn get_head(address: std::net::SocketAddr) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("listens");
    let own = own_page(address);
    let head = format!("GET /console/tail HTTP/1.1\r\nhost: {address}\r\n{own}\r\n");
    stream.write_all(head.as_bytes()).await.expect("is read");
    let mut answer = [0; 64];
    let read = crate::support::eventually::within("answers", stream.read(&mut answer)).await;
    String::from_utf8_lossy(&answer[..read.expect("answers")]).into_owned()
}

/// CONTRACT 6.1.6. Browsers send no Fetch Metadata to a host other than loopback without TLS, and no `Origin` with an image.
#[tokio::test]
async fn an_image_of_another_site_takes_no_place_of_a_follower() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin;
    let port = admin.port();
    for lines in [
        String::new(),
        "referer: http://evil.test/\r\n".to_owned(),
        format!("referer: http://evil.test/?http://{admin}/\r\n"),
        format!("referer: http://{admin}.evil.test/\r\n"),
        format!("referer: http://{admin}@evil.test/\r\n"),
        format!("referer: http://127.0.0.1:{}/\r\n", port ^ 1),
        "accept: text/event-stream\r\n".to_owned(),
    ] {
        // The answer to one who may follow has no end.
        let answer = get(admin, "/console/tail", &lines).await;
        assert_eq!(answer.status, 403, "{lines}");
        assert!(answer.body.contains("accredit tail"), "{answer:?}");
    }
    for lines in [
        own_page(admin),
        format!("origin: http://{admin}\r\n"),
        "sec-fetch-site: same-origin\r\n".to_owned(),
    ] {
        let answer = get(admin, "/console/tail?decision=maybe", &lines).await;
        assert_eq!(answer.status, 400, "{lines}");
    }
}

#[tokio::test]
async fn the_answer_to_head_is_that_to_get_without_its_body() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin;
    let own = own_page(admin);
    for (path, status) in [
        ("/", 200),
        ("/console/tail", 200),
        ("/console/tail?decision=deny", 200),
        ("/console/tail?decision=maybe", 400),
        ("/console/refusals?request_id=x", 200),
        ("/console/refusals", 400),
        ("/console/live", 200),
        ("/console/decisions", 200),
        ("/console/style.css", 200),
    ] {
        let head =
            format!("HEAD {path} HTTP/1.1\r\nhost: {admin}\r\n{own}connection: close\r\n\r\n");
        let answer = send_request(admin, head).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, ""),
            "{path}"
        );
    }
}
