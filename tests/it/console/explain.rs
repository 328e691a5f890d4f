//! The form: it explains without a script, and what was pasted into it is in no answer and no line.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::check_request::ClientRequest;
use crate::support::eventually::within;
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, signed_text};

use super::browser::{Page, get, post};

const ISSUER: &str = "https://issuer.test";

fn configuration() -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    format!(
        "payload_header: x-jwt-payload\ntoken_sources: [{{ header: authorization, scheme: Bearer }}, {{ cookie: session }}]\n\
         issuers:\n{issuer}rules:\n  - {{ name: scoped, match: {{ paths: [/scoped/**] }}, scopes: [s] }}\n  \
         - {{ name: tier, match: {{ context: {{ tier: internal }} }}, access: deny }}\n"
    )
}

/// Whether a row of the steps has this text.
fn has_step(page: &Page, step: &str, outcome: &str) -> bool {
    let row = format!("<th scope=\"row\">{step}</th><td>{outcome}</td>");
    page.body.contains(&row)
}

#[tokio::test]
async fn the_console_answers_an_explain_form_with_the_decision_and_each_step() {
    let service = Service::ready(&configuration()).await;
    let explain = async |fields: &[(&str, &str)]| {
        let page = post(service.admin, "/console/explain", fields, "").await;
        assert_eq!(page.status, 200, "{page:?}");
        page
    };
    let good = Token::of(ISSUER).signed(rsa(0));
    let expired = Token::of(ISSUER).claim("exp", 1).signed(rsa(0));
    let page = explain(&[("token", &good)]).await;
    assert!(
        page.body.contains("good\">allow</span>") && page.body.contains("x-jwt-sub"),
        "{page:?}"
    );
    assert!(has_step(&page, "signature", "passed"), "{page:?}");
    assert!(
        page.body.contains("These claim headers are left out:")
            && page.body.contains("the token does not have the claim"),
        "{page:?}"
    );
    let page = explain(&[("token", &format!("  Bearer {expired}\n"))]).await;
    assert!(
        page.body.contains("bad\">deny</span> <span>expired"),
        "{page:?}"
    );
    assert!(
        has_step(&page, "exp", "failed") && page.body.contains("<strong>401</strong>"),
        "{page:?}"
    );
    let page = explain(&[("token", &good), ("path", "/scoped/7"), ("method", "POST")]).await;
    assert!(has_step(&page, "scopes", "failed"), "{page:?}");
    assert!(
        page.body
            .contains("name=\"path\" placeholder=\"/\" value=\"/scoped/7\""),
        "{page:?}"
    );
    let page = explain(&[("headers", &format!("Authorization: Bearer {expired}"))]).await;
    assert!(has_step(&page, "exp", "failed"), "{page:?}");
    let page = explain(&[("token", &good), ("context", "tier=internal")]).await;
    assert!(
        page.body.contains("denied_by_rule") && page.body.contains("rule tier"),
        "{page:?}"
    );
}

#[tokio::test]
async fn the_error_of_an_invalid_explain_form_does_not_repeat_its_content() {
    let service = Service::ready(&configuration()).await;
    let long = "a".repeat(129 * 1024);
    for (fields, status, said) in [
        (
            ("headers", "secret-word"),
            400,
            "line 1 of the field headers",
        ),
        (
            ("context", "secret-word"),
            400,
            "line 1 of the field context",
        ),
        (("token", long.as_str()), 413, "128 KiB"),
    ] {
        let page = post(service.admin, "/console/explain", &[fields], "").await;
        assert_eq!(page.status, status, "{said}");
        assert!(
            page.body.contains(said) && page.body.contains("id=\"explain-form\""),
            "{page:?}"
        );
        assert!(!page.body.contains("secret-word") && !page.body.contains("aaaa"));
    }
}

#[tokio::test]
async fn the_console_finds_a_refusal_by_its_request_id() {
    let service = Service::ready(&configuration()).await;
    let expired = Token::of(ISSUER).claim("exp", 1).signed(rsa(0));
    let client_request = ClientRequest::bearer(&expired).header("x-request-id", "id-7 &c");
    assert_eq!(service.check(client_request).await.reason(), "expired");
    let page = get(service.admin, "/console/refusals?request_id=id-7+%26c", "").await;
    assert!(
        has_step(&page, "exp", "failed") && page.body.contains("accredit does not store tokens"),
        "{page:?}"
    );
    for _ in 0..11 {
        let client_request = ClientRequest::bearer(&expired).header("x-request-id", "many");
        service.check(client_request).await;
    }
    let many = get(service.admin, "/console/refusals?request_id=many", "").await;
    assert!(many.body.contains("11 denials have this ID"), "{many:?}");
    assert_eq!(many.body.matches("class=\"verdict\"").count(), 10);
    let none = get(service.admin, "/console/refusals?request_id=id-8", "").await;
    assert_eq!(none.status, 200);
    assert!(none.body.contains("No request with this ID"), "{none:?}");
    assert_eq!(
        get(service.admin, "/console/refusals?request_id=", "")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_pasted_token_appears_in_no_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    let text = format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n{}",
        configuration()
    );
    std::fs::write(&file, text).expect("is written");
    let mut command = accredit(&["serve", "--config", file.to_str().expect("is UTF-8")]);
    let mut running = Running::start(command.env("ACCREDIT_LOG", "trace")).await;
    running.wait_for_line("\"ready\"").await;
    let heard = running.hear();
    let tokens = [
        Token::of(ISSUER).signed(rsa(0)),
        Token::of(ISSUER).claim("exp", 1).signed(rsa(0)),
        Token::of(ISSUER).signed(rsa(1)),
        "m4rk3d-m4rk3d-m4rk3d".to_owned(),
    ];
    let mut result = Vec::new();
    for token in &tokens {
        for (name, value) in [
            ("token", token.clone()),
            (
                "headers",
                format!("authorization: Bearer {token}\ncookie: session={token}; a={token}"),
            ),
            ("headers", format!("{token} : x\n{token}")),
            ("path", format!("/?access_token={token}")),
        ] {
            result.push(
                post(running.admin, "/console/explain", &[(name, &value)], "")
                    .await
                    .body,
            );
        }
    }
    assert!(
        result[0].contains("x-jwt-payload") && result[0].contains("(part of the token, "),
        "{}",
        result[0]
    );
    for path in ["/", "/metrics", "/console/decisions"] {
        result.push(get(running.admin, path, "").await.body);
    }
    running.signal("TERM").await;
    result.extend(within("it ends", heard).await.expect("hears"));
    for token in &tokens {
        for part in token.split('.') {
            for text in &result {
                assert!(!text.contains(part), "{part} in {text}");
            }
        }
    }
}

#[tokio::test]
async fn removing_token_parts_from_an_explanation_does_not_enlarge_it() {
    let service = Service::ready(&configuration()).await;
    // Parts that are in the answer, in the words that stand for a part, and in what those leave of each other.
    let (word, rest) = ("(part of the tok", "en, 16 bytes)(pa");
    let round = [word, word, word, word, rest].join(".");
    let token = format!("{{\"error\":\"Invali.{}", [round.as_str(); 10].join("."));
    let page = post(service.admin, "/console/explain", &[("token", &token)], "").await;
    assert!(page.body.contains("bad\">deny</span>"), "{}", page.status);
    assert!(page.body.len() < 64 * 1024, "{} bytes", page.body.len());
}

#[tokio::test]
async fn a_pasted_token_with_spaces_in_its_header_appears_in_no_output() {
    let service = Service::ready(&configuration()).await;
    for start in ["{\n  ", "{ ", "{\t", "\n{"] {
        let header = format!("{start}\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k\"}}");
        let token = signed_text(&header, Token::of(ISSUER).claims_text(), rsa(0), "RS256");
        let lines = format!("authorization: Bearer {token}");
        let page = post(
            service.admin,
            "/console/explain",
            &[("headers", &lines)],
            "",
        )
        .await;
        assert!(page.body.contains("good\">allow</span>"), "{page:?}");
        for part in token.split('.') {
            assert!(!page.body.contains(part), "{part} in {}", page.body);
        }
    }
}

#[tokio::test]
async fn a_token_in_the_wrong_form_field_is_not_shown_again() {
    let service = Service::ready(&configuration()).await;
    let token = Token::of(ISSUER).signed(rsa(0));
    for (name, value) in [
        ("method", token.clone()),
        ("host", format!("Bearer {token}")),
        ("path", format!("/reset/{token}/x")),
        ("context", format!("session={token}")),
    ] {
        let page = post(service.admin, "/console/explain", &[(name, &value)], "").await;
        for part in token.split('.') {
            assert!(!page.body.contains(part), "{name}: {part} in {}", page.body);
        }
    }
    let page = post(service.admin, "/console/explain", &[(&token, "")], "").await;
    assert_eq!(page.status, 400);
    assert!(!page.body.contains(&token), "{}", page.body);
}

/// A form without an end occupies a place for some seconds only.
#[tokio::test]
async fn the_console_stops_waiting_for_a_form_that_does_not_arrive() {
    let service = Service::ready(&configuration()).await;
    let mut stream = TcpStream::connect(service.admin).await.unwrap();
    let head = "POST /console/explain HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                content-length: 100\r\n\r\ntoken=";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let ended = within("it is answered", stream.read_to_end(&mut answer)).await;
    ended.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}
