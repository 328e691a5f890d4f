//! Where a token may lie, and that it is gone from there when it is not to be forwarded.

use crate::support::check_request::{Ask, Telling};
use crate::support::keys::rsa;

use super::place::{service, token};

const SOURCES: &str = "
token_sources:
  - { header: authorization, scheme: Bearer }
  - { header: X-Api-Token }
  - { cookie: session }
  - { query: access_token }
";

#[tokio::test]
async fn a_token_is_found_wherever_it_may_lie() {
    let service = service(SOURCES).await;
    let envoy = service.envoy().await;
    let one = token().signed(rsa(0));
    let two = token().claim("jti", "another").signed(rsa(0));
    let query = |token: &str| format!("/a?x=1&access%5Ftoken={token}&y");
    let cases: Vec<(Ask, &str)> = vec![
        (Ask::plain().header("x-api-token", one.clone()), "allowed"),
        (
            Ask::plain().header("x-api-token", format!("Bearer {one}")),
            "malformed_token",
        ),
        (
            Ask::plain().header("x-api-token", format!("{one},{one}")),
            "invalid_request",
        ),
        (
            Ask::plain().header("cookie", format!("a=b; session={one}; c=d")),
            "allowed",
        ),
        (
            Ask::plain().header("cookie", format!("session={one},session={one}")),
            "allowed",
        ),
        (
            Ask::plain().header("cookie", format!("session={one}; session={two}")),
            "invalid_request",
        ),
        (
            Ask::plain().header("cookie", "session=opaque-value; a=b"),
            "missing_token",
        ),
        (Ask::plain().to("GET", &query(&one)), "allowed"),
        (Ask::plain().to("GET", "/a?access_token="), "missing_token"),
        (
            Ask::plain()
                .to("GET", &query(&one))
                .header("cookie", format!("session={one}")),
            "allowed",
        ),
        (
            Ask::plain()
                .to("GET", &query(&one))
                .header("cookie", format!("session={two}")),
            "invalid_request",
        ),
        (
            Ask::bearer(&one).header("x-api-token", two.clone()),
            "invalid_request",
        ),
        (
            Ask::bearer(&one).header("x-api-token", one.clone()),
            "allowed",
        ),
        (
            Ask::plain()
                .header("authorization", "Basic abc")
                .header("x-api-token", one.clone()),
            "allowed",
        ),
        (Ask::plain(), "missing_token"),
    ];
    for (ask, reason) in cases {
        for telling in [Telling::Headers, Telling::HeaderMap] {
            assert_eq!(
                envoy.check(ask.told(telling)).await.reason(),
                reason,
                "{telling:?}"
            );
        }
    }
    let twice = Ask::plain()
        .header("x-api-token", one.clone())
        .header("x-api-token", one.clone());
    assert_eq!(
        envoy.check(twice.told(Telling::HeaderMap)).await.reason(),
        "invalid_request"
    );
}

#[tokio::test]
async fn a_token_that_is_not_forwarded_is_gone_and_every_other_byte_kept() {
    let service = service(&format!(
        "{SOURCES}forward_token: false\nrules:\n  - {{ name: keep, match: {{ paths: [/keep] }}, forward_token: true }}\n"
    ))
    .await;
    let envoy = service.envoy().await;
    let token = token().signed(rsa(0));
    let answer = envoy
        .check(
            Ask::bearer(&token)
                .to("GET", &format!("/a?x=%7e&access_token={token}&&y=?"))
                .header("cookie", format!("a=\"b\"; session={token}; c=d"))
                .header("x_api_token", "pretends"),
        )
        .await;
    assert!(answer.is_admission(), "{answer:?}");
    assert_eq!(answer.header(":path"), Some("/a?x=%7e&&y=?"));
    assert_eq!(answer.header("cookie"), Some("a=\"b\"; c=d"));
    assert!(
        answer.removes("authorization") && !answer.removes("cookie"),
        "{answer:?}"
    );
    let shown = format!("{:?}", answer.headers);
    assert!(!shown.contains(&token), "{shown}");

    let alone = envoy
        .check(Ask::plain().header("cookie", format!("session={token}")))
        .await;
    assert!(
        alone.removes("cookie") && alone.header("cookie").is_none(),
        "{alone:?}"
    );
    let header = envoy
        .check(
            Ask::plain()
                .header("x-api-token", token.clone())
                .header("x_api_token", "y"),
        )
        .await;
    assert!(
        header.removes("x-api-token") && header.removes("x_api_token"),
        "{header:?}"
    );
    let kept = envoy.check(Ask::bearer(&token).to("GET", "/keep")).await;
    assert!(
        kept.is_admission() && !kept.removes("authorization"),
        "{kept:?}"
    );
}
