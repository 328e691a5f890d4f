//! The sources of a token, and its removal from all of them.

use crate::support::check_request::{ClientRequest, HeaderForm};
use crate::support::http_get::get;
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
async fn a_token_is_found_in_every_configured_source() {
    let service = service(SOURCES).await;
    let envoy = service.envoy().await;
    let one = token().signed(rsa(0));
    let two = token().claim("jti", "another").signed(rsa(0));
    let query = |token: &str| format!("/a?x=1&access%5Ftoken={token}&y");
    let cases: Vec<(ClientRequest, &str)> = vec![
        (
            ClientRequest::plain().header("x-api-token", one.clone()),
            "allowed",
        ),
        (
            ClientRequest::plain().header("x-api-token", format!("Bearer {one}")),
            "malformed_token",
        ),
        (
            ClientRequest::plain().header("x-api-token", format!("{one},{one}")),
            "invalid_request",
        ),
        (
            ClientRequest::plain().header("cookie", format!("a=b; session={one}; c=d")),
            "allowed",
        ),
        (
            ClientRequest::plain().header("cookie", format!("session={one},session={one}")),
            "allowed",
        ),
        (
            ClientRequest::plain().header("cookie", format!("session={one}; session={two}")),
            "invalid_request",
        ),
        (
            ClientRequest::plain().header("cookie", "session=opaque-value; a=b"),
            "missing_token",
        ),
        (ClientRequest::plain().to("GET", &query(&one)), "allowed"),
        (
            ClientRequest::plain().to("GET", "/a?access_token="),
            "missing_token",
        ),
        (
            ClientRequest::plain()
                .to("GET", &query(&one))
                .header("cookie", format!("session={one}")),
            "allowed",
        ),
        (
            ClientRequest::plain()
                .to("GET", &query(&one))
                .header("cookie", format!("session={two}")),
            "invalid_request",
        ),
        (
            ClientRequest::bearer(&one).header("x-api-token", two.clone()),
            "invalid_request",
        ),
        (
            ClientRequest::bearer(&one).header("x-api-token", one.clone()),
            "allowed",
        ),
        (
            ClientRequest::plain()
                .header("authorization", "Basic abc")
                .header("x-api-token", one.clone()),
            "allowed",
        ),
        (ClientRequest::plain(), "missing_token"),
    ];
    for (request, reason) in cases {
        for header_form in [HeaderForm::Headers, HeaderForm::HeaderMap] {
            assert_eq!(
                envoy.check(request.message_in(header_form)).await.reason(),
                reason,
                "{header_form:?}"
            );
        }
    }
    let twice = ClientRequest::plain()
        .header("x-api-token", one.clone())
        .header("x-api-token", one.clone());
    assert_eq!(
        envoy
            .check(twice.message_in(HeaderForm::HeaderMap))
            .await
            .reason(),
        "invalid_request"
    );
}

#[tokio::test]
async fn with_forward_token_false_the_token_is_removed_and_every_other_byte_stays() {
    let service = service(&format!(
        "{SOURCES}forward_token: false\nrules:\n  - {{ name: keep, match: {{ paths: [/keep] }}, forward_token: true }}\n"
    ))
    .await;
    let envoy = service.envoy().await;
    let token = token().signed(rsa(0));
    let answer = envoy
        .check(
            ClientRequest::bearer(&token)
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
        .check(ClientRequest::plain().header("cookie", format!("session={token}")))
        .await;
    assert!(
        alone.removes("cookie") && alone.header("cookie").is_none(),
        "{alone:?}"
    );
    let header = envoy
        .check(
            ClientRequest::plain()
                .header("x-api-token", token.clone())
                .header("x_api_token", "y"),
        )
        .await;
    assert!(
        header.removes("x-api-token") && header.removes("x_api_token"),
        "{header:?}"
    );
    let kept = envoy
        .check(ClientRequest::bearer(&token).to("GET", "/keep"))
        .await;
    assert!(
        kept.is_admission() && !kept.removes("authorization"),
        "{kept:?}"
    );
}

/// CONTRACT 4.3.10: what some servers take for a bearer token is not "no token".
#[tokio::test]
async fn a_near_miss_is_refused_even_if_no_token_is_needed_or_another_is_good() {
    let service = service(&format!(
        "{SOURCES}rules:\n  - {{ name: open, match: {{ paths: [/open] }}, access: optional }}\n"
    ))
    .await;
    let envoy = service.envoy().await;
    let good = token().signed(rsa(0));
    for value in [
        "Bearer\tx".as_bytes(),
        b"bearer:x",
        b"BEARER\"x\"",
        b"Bearer=x",
        b"Bearer/x",
        b"Basic x, Bearer\tx",
        b"\xa0Bearer x",
        b"Bearer\xc2\xa0x",
        b"Basic \xff",
        b"Bearer x\x0b",
    ] {
        let plain = ClientRequest::plain().to("GET", "/open");
        let beside_good = plain.clone().header("x-api-token", good.clone());
        for request in [plain, beside_good] {
            let request = request
                .header("authorization", value)
                .message_in(HeaderForm::HeaderMap);
            let answer = envoy.check(request).await;
            assert_eq!(
                (answer.reason().as_str(), answer.http),
                ("invalid_request", 400),
                "{value:?}"
            );
        }
    }
    for value in ["Bearerx y", "Bearer", "Basic x", "Bearer-x y"] {
        let request = ClientRequest::plain()
            .to("GET", "/open")
            .header("authorization", value);
        assert_eq!(envoy.check(request).await.reason(), "anonymous", "{value}");
    }
}

/// CONTRACT 4.3.11, 4.12.3, 4.12.4
#[tokio::test]
async fn the_token_is_removed_from_every_cookie_and_parameter_and_others_stay() {
    let service = service(
        "
token_sources: [{ cookie: session }, { cookie: access }, { query: t }, { query: u }]
forward_token: false
",
    )
    .await;
    let envoy = service.envoy().await;
    let token = token().signed(rsa(0));
    let cookies = format!("a=1; session={token}; access=\"{token}\"; session=1.2; b=\"2\"");
    let answer = envoy
        .check(
            ClientRequest::plain()
                .to("GET", &format!("/a?t={token}&x&u={token}"))
                .header("cookie", cookies),
        )
        .await;
    assert!(answer.is_admission(), "{answer:?}");
    assert_eq!(answer.header(":path"), Some("/a?x"));
    assert_eq!(answer.header("cookie"), Some("a=1; session=1.2; b=\"2\""));

    // Only the cookie that an answer cannot express is lost, and it is counted.
    let mut cookies = format!("a=1; session={token}; b=").into_bytes();
    cookies.extend(b"\xff; c=3");
    let request = ClientRequest::plain().header("cookie", cookies);
    let answer = envoy.check(request.message_in(HeaderForm::HeaderMap)).await;
    assert_eq!(answer.header("cookie"), Some("a=1; c=3"), "{answer:?}");
    let (_, metrics) = get(service.admin, "localhost", "/metrics").await;
    assert!(
        metrics.contains("\naccredit_dropped_cookies_total 1\n"),
        "{metrics}"
    );

    // A second cookie of three parts is a second token, in each order and whatever its parts are.
    for other in [
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "eyJhbGciOiJub25lIn0\\\\.eyJzdWIiOiJhZG1pbiJ9.",
        "\\.eyJzdWIiOiJhZG1pbiJ9.x",
        "1.2.3",
    ] {
        for cookies in [
            format!("session={token}; session={other}"),
            format!("session={other}; session={token}"),
        ] {
            let request = ClientRequest::plain().header("cookie", cookies.as_bytes());
            assert_eq!(
                envoy.check(request).await.reason(),
                "invalid_request",
                "{cookies}"
            );
        }
    }
}

/// A token that accredit does not read and an upstream may is refused, behind a good token and where none is needed. What
/// resembles no JWT passes.
#[tokio::test]
async fn a_token_that_only_an_upstream_would_read_is_refused() {
    let service = service(&format!(
        "{SOURCES}rules:\n  - {{ name: open, match: {{ paths: [/open] }}, access: optional }}\n"
    ))
    .await;
    let envoy = service.envoy().await;
    let good = token().signed(rsa(0));
    let forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.x";
    let open = || ClientRequest::plain().to("GET", "/open");
    let hidden: Vec<ClientRequest> = [
        "session=\"eyJhbGciOiJub25lIn0\\056eyJzdWIiOiJhZG1pbiJ9\\056x\"".to_owned(),
        "session=eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9".to_owned(),
        "session=eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9,.x".to_owned(),
        "session=AHsAIgBhACI.AHsAIgBhACI".to_owned(),
        format!("Session={forged}"),
        format!("a=1 session={forged}"),
        format!("a=YWI= session={forged}"),
        "Session=eyJhbGciOiJub25lIn0\\\\.eyJzdWIiOiJhZG1pbiJ9.x".to_owned(),
        "Session=x%2ey.eyJzdWIiOiJhZG1pbiJ9.z".to_owned(),
    ]
    .into_iter()
    .map(|cookie| open().header("cookie", cookie))
    .chain(
        [
            "access.token",
            "access_token[]",
            "access+token",
            "+access_token",
            "Access_Token",
            "a=1;access_token",
        ]
        .map(|name| open().to("GET", &format!("/open?{name}={forged}"))),
    )
    .chain([open().header("x_api_token", forged)])
    .collect();
    for (number, request) in hidden.into_iter().enumerate() {
        for request in [
            request.clone(),
            request.header("authorization", format!("Bearer {good}")),
        ] {
            let answer = envoy.check(request).await;
            assert_eq!(
                (answer.reason().as_str(), answer.http),
                ("invalid_request", 400),
                "{number}"
            );
        }
    }
    for (path, cookie) in [
        ("/open?access.token=abc&Access_Token=1.2.3", ""),
        ("/open?id_token=eyJhIjoxfQ.eyJhIjoxfQ.x", ""),
        (
            "/open",
            "session=5f0c1d8e-7a0b; Session=1.2.3; _ga=GA1.2.3.4",
        ),
        (
            "/open",
            "other=eyJhIjoxfQ.eyJhIjoxfQ.x; session=GA1.2.123.456",
        ),
    ] {
        let request = open().to("GET", path).header("cookie", cookie);
        assert_eq!(
            envoy.check(request).await.reason(),
            "anonymous",
            "{path} {cookie}"
        );
    }
}

/// Envoy shows `!` in the path for each byte outside ASCII, and forwards the byte.
#[tokio::test]
async fn a_path_that_loses_its_token_keeps_the_bytes_that_envoy_hides() {
    for more in [
        "",
        "ambiguous_paths: [bad_encoding]\nrules: [{ match: { paths: [/never] } }]\n",
    ] {
        let service = service(&format!("{SOURCES}forward_token: false\n{more}")).await;
        let envoy = service.envoy().await;
        let token = token().signed(rsa(0));
        let shown = format!("/a!!?access_token={token}&x=!!");
        let request = |raw: Vec<u8>| {
            let request = ClientRequest::plain()
                .to("GET", &shown)
                .header(":path", raw);
            request.message_in(HeaderForm::HeaderMap)
        };
        let raw = shown.replace("!!", "é");
        let answer = envoy.check(request(raw.into_bytes())).await;
        assert!(answer.is_admission(), "{more} {answer:?}");
        assert_eq!(answer.header(":path"), Some("/aé?x=é"), "{more}");

        // An answer carries text.
        let raw = shown.replacen("!!", "\u{1}", 1).into_bytes();
        let raw = raw.iter().map(|byte| if *byte == 1 { 0xff } else { *byte });
        let answer = envoy.check(request(raw.collect())).await;
        assert_eq!(answer.reason(), "invalid_request", "{more}");
    }
}
