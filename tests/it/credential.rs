//! The places of a request in which a token can be, in both forms of Envoy's message.

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;

use crate::support::check_request::{ClientRequest, HEADER_FORMS, HeaderForm, message};
use crate::support::keys::{base64url, rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, signed_text};

const ISSUER: &str = "https://issuer.test";

async fn service() -> Service {
    let keys = set([rsa(0).jwk("k")]);
    Service::ready(&format!("issuers:\n{}", inline_issuer(ISSUER, &keys, ""))).await
}

fn good() -> String {
    Token::of(ISSUER).signed(rsa(0))
}

#[tokio::test]
async fn an_authorization_value_is_accepted_only_with_one_bearer_token() {
    let service = service().await;
    let envoy = service.envoy().await;
    let t = good();
    let cases: &[(String, &str)] = &[
        (format!("Bearer {t}"), "allowed"),
        (format!("bearer {t}"), "allowed"),
        (format!("BEARER    {t}"), "allowed"),
        (format!(" \t Bearer {t} \t "), "allowed"),
        (format!("Bearer\t{t}"), "invalid_request"),
        (format!("Bearer:{t}"), "invalid_request"),
        (format!("Bearer\"{t}\""), "invalid_request"),
        (format!("Bearer{t}"), "missing_token"),
        (t.clone(), "missing_token"),
        (format!("Token {t}"), "missing_token"),
        (format!("Basic {t}"), "missing_token"),
        // The token is not bound to a key, so that no proof can help it.
        (format!("DPoP {t}"), "invalid_proof"),
        (" ".to_owned(), "missing_token"),
        ("Bearer".to_owned(), "missing_token"),
        ("Bearer \t ".to_owned(), "missing_token"),
        (format!("Bearer {t} {t}"), "malformed_token"),
        (format!("Bearer \"{t}\""), "malformed_token"),
        (format!("Bearer Bearer {t}"), "malformed_token"),
        (format!("Bearer {t}\n"), "invalid_request"),
        (format!("Bearer {t}="), "malformed_token"),
        // Envoy joins repeated headers by a comma.
        (format!("Bearer {t},Bearer {t}"), "invalid_request"),
        (format!("Bearer {t}, Bearer x"), "invalid_request"),
        (format!("Bearer {t},"), "invalid_request"),
        (format!(",Bearer {t}"), "invalid_request"),
        (format!("Bearer {t},x"), "invalid_request"),
        (format!("Basic x,bearer {t}"), "invalid_request"),
        (format!("Basic x, \tBearer {t}"), "invalid_request"),
        ("Bearer,".to_owned(), "invalid_request"),
        ("Basic x,y".to_owned(), "missing_token"),
        ("Digest a=b, c=d".to_owned(), "missing_token"),
    ];
    for (value, reason) in cases {
        for header_form in HEADER_FORMS {
            let client_request = ClientRequest::plain().header("authorization", value.as_str());
            let answer = envoy.check(client_request.message_in(header_form)).await;
            assert_eq!(answer.reason(), *reason, "{header_form:?} {value}");
        }
    }
}

#[tokio::test]
async fn repeated_authorization_headers_are_ambiguous_even_if_equal() {
    let service = service().await;
    let envoy = service.envoy().await;
    let t = format!("Bearer {}", good());
    let entries: &[(&str, &str, &str)] = &[
        ("authorization", "authorization", &t),
        ("authorization", "Authorization", &t),
        ("authorization", "authorization", "Basic x"),
        ("authorization", "authorization", ""),
    ];
    for (one, other, value) in entries {
        for swapped in [false, true] {
            let (first, second) = if swapped {
                (*value, &*t)
            } else {
                (&*t, *value)
            };
            let client_request = ClientRequest::plain()
                .header(one, first)
                .header(other, second);
            let answer = envoy
                .check(client_request.message_in(HeaderForm::HeaderMap))
                .await;
            assert_eq!(answer.reason(), "invalid_request", "{one} {other} {value}");
        }
    }
}

#[tokio::test]
async fn header_names_ignore_case_and_values_are_read_from_both_members() {
    let service = service().await;
    let envoy = service.envoy().await;
    let t = good();
    for header_form in HEADER_FORMS {
        let client_request = ClientRequest::plain().header("AUTHORIZATION", format!("Bearer {t}"));
        assert!(
            envoy
                .check(client_request.message_in(header_form))
                .await
                .is_admission(),
            "{header_form:?}"
        );
    }
    let entry = |value: &str| HeaderValue {
        key: "authorization".to_owned(),
        value: value.to_owned(),
        ..HeaderValue::default()
    };
    let http = HttpRequest {
        header_map: Some(HeaderMap {
            headers: vec![entry(&format!("Bearer {t}"))],
        }),
        ..HttpRequest::default()
    };
    assert!(envoy.check(message(http)).await.is_admission());
}

#[tokio::test]
async fn with_a_header_map_the_plain_headers_are_not_read() {
    let service = service().await;
    let http = HttpRequest {
        headers: [("authorization".to_owned(), format!("Bearer {}", good()))].into(),
        header_map: Some(HeaderMap {
            headers: Vec::new(),
        }),
        ..HttpRequest::default()
    };
    assert_eq!(service.check(message(http)).await.reason(), "missing_token");
}

#[tokio::test]
async fn an_authorization_value_with_bytes_outside_visible_ascii_is_refused() {
    let service = service().await;
    let envoy = service.envoy().await;
    for bytes in [&b"\xff\xfe"[..], "é".as_bytes(), b"\0", b"a\x7fb"] {
        let mut value = format!("Bearer {}", good()).into_bytes();
        value.extend_from_slice(bytes);
        for header_form in HEADER_FORMS {
            let answer = envoy
                .check(
                    ClientRequest::plain()
                        .header("authorization", &*value)
                        .message_in(header_form),
                )
                .await;
            // Without `encode_raw_headers`, Envoy shows bytes that are not UTF-8 as `!`.
            let is_hidden =
                header_form == HeaderForm::Headers && std::str::from_utf8(bytes).is_err();
            let reason = if is_hidden {
                "malformed_token"
            } else {
                "invalid_request"
            };
            assert_eq!(answer.reason(), reason, "{header_form:?} {bytes:?}");
        }
    }
}

/// The longest token is 16 KiB, and a good one of that size is as good as any.
#[tokio::test]
async fn a_token_longer_than_the_limit_is_refused() {
    let service = service().await;
    let envoy = service.envoy().await;
    let token_of = |padding: usize| {
        let base = Token::of(ISSUER);
        let claims = base.clone().claim("pad", "x".repeat(padding)).claims_text();
        signed_text(base.header_text(), claims, rsa(0), "RS256")
    };
    let mut lengths = Vec::new();
    for padding in 11_500..11_900 {
        let claims = Token::of(ISSUER)
            .claim("pad", "x".repeat(padding))
            .claims_text();
        let header = Token::of(ISSUER).header_text();
        let length = base64url(header).len() + base64url(claims).len() + 342 + 2;
        lengths.push((length, padding));
    }
    let longest = lengths
        .iter()
        .rev()
        .find(|(length, _)| *length <= 16 * 1024)
        .unwrap();
    let longer = lengths
        .iter()
        .find(|(length, _)| *length > 16 * 1024)
        .unwrap();
    for ((length, padding), reason) in [(longest, "allowed"), (longer, "malformed_token")] {
        let token = token_of(*padding);
        assert_eq!(token.len(), *length);
        assert!(length.abs_diff(16 * 1024) <= 1, "{length}");
        for header_form in HEADER_FORMS {
            let answer = envoy
                .check(ClientRequest::bearer(&token).message_in(header_form))
                .await;
            assert_eq!(answer.reason(), reason, "{header_form:?} {length}");
        }
    }
}

/// RFC 6750 section 2.2 permits it under conditions. accredit reads no body, also if Envoy sends one (`with_request_body`).
#[tokio::test]
async fn a_token_in_a_form_body_is_not_read() {
    let service = service().await;
    let envoy = service.envoy().await;
    let form = format!("access_token={}", good());
    for is_raw in [false, true] {
        let client_request = ClientRequest::plain()
            .to("POST", "/things")
            .header("content-type", "application/x-www-form-urlencoded");
        let mut message = client_request.message_in(HeaderForm::Headers);
        let attributes = message.attributes.as_mut().unwrap();
        let http = attributes
            .request
            .as_mut()
            .and_then(|request| request.http.as_mut());
        let http = http.unwrap();
        match is_raw {
            false => http.body.clone_from(&form),
            true => http.raw_body = form.clone().into_bytes(),
        }
        http.size = i64::try_from(form.len()).unwrap();
        let answer = envoy.check(message).await;
        assert_eq!(answer.reason(), "missing_token", "raw: {is_raw}");
    }
}
