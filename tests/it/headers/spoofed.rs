//! What no client may say, in any spelling.

use crate::support::check_request::{ClientRequest, HEADER_FORMS, HeaderForm};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

use super::place::{FAILURE_MODE, ISSUER, place};

/// Five spellings of each name that a server behind CGI would take for the same.
#[tokio::test]
async fn client_values_of_claim_headers_are_removed_in_every_spelling() {
    let lines = "claim_headers: { x-jwt-sub: sub, x-acme-org: oid }";
    let more = "strip_headers: [\"x-jwt-*\", x-internal-user]\npayload_header: x-the-payload\n";
    let place = place(lines, more).await;
    let names = [
        ("x-jwt-sub", true),
        ("x-acme-org", false),
        ("x-the-payload", true),
        ("x-internal-user", false),
        ("x-jwt-anything-else", false),
        (FAILURE_MODE, false),
    ];
    let spellings = |name: &str| {
        let mixed = name.replacen('-', "_", 1);
        [
            name.to_owned(),
            name.replace('-', "_"),
            mixed,
            name.replace('-', "."),
            name.replace('-', "~"),
            name.to_uppercase(),
        ]
    };
    let token = Token::of(ISSUER).signed(rsa(0));
    for header_form in HEADER_FORMS {
        let mut client_request = ClientRequest::bearer(&token)
            .header("accept", "*/*")
            .header("x-jwt", "1")
            .header("xjwtsub", "1")
            .header("x-jwts", "1");
        for (name, _) in names {
            for spelling in spellings(name) {
                client_request = client_request.header(&spelling, "evil");
            }
        }
        let answer = place.admitted(client_request, header_form).await;
        for (name, is_set) in names {
            for spelling in spellings(name) {
                let lower = spelling.to_lowercase();
                let overwritten = is_set && lower == name;
                assert_eq!(
                    answer.removes(&lower),
                    !overwritten,
                    "{header_form:?} {spelling}: {answer:?}"
                );
                assert_eq!(
                    answer.header(&lower).is_some(),
                    overwritten,
                    "{header_form:?} {spelling}"
                );
            }
        }
        for innocent in [
            "accept",
            "authorization",
            "x-jwt",
            "xjwtsub",
            "x-jwts",
            ":path",
            ":method",
        ] {
            assert!(!answer.removes(innocent), "{innocent}");
        }
        let removed: std::collections::HashSet<_> = answer.removed.iter().collect();
        assert_eq!(
            removed.len(),
            answer.removed.len(),
            "twice: {:?}",
            answer.removed
        );
    }
}

/// What another issuer's tokens may set, this one's tokens do not, and the client neither.
#[tokio::test]
async fn claim_headers_of_every_issuer_are_removed() {
    let keys = set([rsa(0).jwk("k")]);
    let first = inline_issuer(ISSUER, &keys, "claim_headers: { x-a: sub }");
    let second = inline_issuer("https://other.test", &keys, "claim_headers: { x-b: sub }");
    let service = Service::ready(&format!("issuers:\n{first}{second}strip_headers: []\n")).await;
    for (issuer, set, removed) in [(ISSUER, "x-a", "x-b"), ("https://other.test", "x-b", "x-a")] {
        let client_request = ClientRequest::bearer(&Token::of(issuer).signed(rsa(0)))
            .header("x_b", "1")
            .header("x.a", "1");
        let answer = service
            .check(client_request.message_in(HeaderForm::HeaderMap))
            .await;
        assert_eq!(answer.header(set), Some("someone"));
        assert_eq!(answer.headers.len(), 1);
        for name in [removed, "x_b", "x.a", FAILURE_MODE] {
            assert!(answer.removes(name), "{name}");
        }
    }
}

#[tokio::test]
async fn forward_token_false_removes_the_token() {
    for (line, removed) in [
        ("", false),
        ("forward_token: true\n", false),
        ("forward_token: false\n", true),
    ] {
        let place = place("", line).await;
        let token = Token::of(ISSUER).signed(rsa(0));
        for header_form in HEADER_FORMS {
            let answer = place
                .admitted(ClientRequest::bearer(&token), header_form)
                .await;
            assert_eq!(answer.removes("authorization"), removed, "{line}");
        }
    }
}

#[tokio::test]
async fn claim_headers_with_a_reserved_name_are_configuration_errors() {
    use accredit_core::config::{load, resolve};
    let refused = |text: &str| {
        let (document, locations) = load::read(text, &|_| None).expect("is well-formed");
        resolve::resolve(&document, locations).is_err()
    };
    let base = format!(
        "issuers:\n{}",
        inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "")
    );
    let dangerous = [
        "host",
        "authorization",
        "cookie",
        "content-length",
        "content_type",
        "transfer-encoding",
        "connection",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "forwarded",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-envoy-original-path",
        "x-request-id",
        "traceparent",
        "tracestate",
        "\":path\"",
        "\"a b\"",
    ];
    assert!(!refused(&base));
    for name in dangerous {
        assert!(
            refused(&format!("{base}payload_header: {name}\n")),
            "{name}"
        );
        assert!(
            refused(&format!("{base}strip_headers: [{name}]\n")),
            "{name}"
        );
        assert!(
            refused(&format!("{base}    claim_headers: {{ {name}: sub }}\n")),
            "{name}"
        );
    }
    for prefix in [
        "*",
        "x-*",
        "x-f*",
        "x-forwarded-*",
        "c*",
        "auth*",
        "x_envoy_*",
        "trace*",
    ] {
        assert!(
            refused(&format!("{base}strip_headers: [\"{prefix}\"]\n")),
            "{prefix}"
        );
    }
}
