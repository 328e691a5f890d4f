//! Which tokens are refused with `revoked`, and the answer.

use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, now};

use super::place::{ISSUER, Place, token};

fn entry(by: &str, value: &str) -> String {
    format!("- {{ issuer: '{ISSUER}', {by}: {value} }}\n")
}

#[tokio::test]
async fn a_token_on_the_deny_list_is_refused_by_each_property() {
    let cases = [
        ("jti", "t-1"),
        ("sub", "sam"),
        ("client_id", "c-1"),
        ("oid", "o-1"),
    ];
    let list: String = cases.map(|(by, value)| entry(by, value)).concat();
    let place = Place::with_list(&list).await;
    for (by, value) in cases {
        let answer = place
            .envoy
            .check(ClientRequest::bearer(&token(by, value)))
            .await;
        assert_eq!((answer.reason().as_str(), answer.http), ("revoked", 401));
        assert_eq!(
            answer.header("www-authenticate"),
            Some(
                "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the token has been revoked\""
            )
        );
        let other = token(by, format!("{value}x"));
        assert_eq!(place.reason(&other).await, "allowed", "{by}");
    }
}

#[tokio::test]
async fn an_entry_for_a_key_refuses_every_token_that_the_key_verified() {
    let place = Place::with_list(&entry("kid", "k")).await;
    let named = Token::of(ISSUER).signed(rsa(0));
    assert_eq!(place.reason(&named).await, "revoked");
    let unnamed = Token::of(ISSUER).without_header("kid").signed(rsa(0));
    assert_eq!(place.reason(&unnamed).await, "revoked");
}

/// The entry belongs to one issuer: another issuer can give the same name to someone else.
#[tokio::test]
async fn an_entry_refuses_tokens_of_its_issuer_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("revoked.yaml");
    std::fs::write(&file, "- { issuer: 'https://other.test', sub: sam }\n").unwrap();
    let keys = set([rsa(0).jwk("k")]);
    let configuration = format!(
        "issuers:\n{}{}revoked: {{ file: '{}' }}\n",
        inline_issuer(ISSUER, &keys, ""),
        inline_issuer("https://other.test", &keys, ""),
        file.display()
    );
    let service = Service::ready(&configuration).await;
    let of =
        |issuer: &str| ClientRequest::bearer(&Token::of(issuer).claim("sub", "sam").signed(rsa(0)));
    assert_eq!(service.check(of(ISSUER)).await.reason(), "allowed");
    assert_eq!(
        service.check(of("https://other.test")).await.reason(),
        "revoked"
    );
}

#[tokio::test]
async fn issued_before_and_until_limit_an_entry() {
    let limit = now() - 10;
    let list = format!(
        "- {{ issuer: '{ISSUER}', sub: old, issued_before: {limit} }}\n\
         - {{ issuer: '{ISSUER}', sub: ended, until: {limit} }}\n\
         - {{ issuer: '{ISSUER}', sub: later, until: {later} }}\n",
        later = now() + 600,
    );
    let place = Place::with_list(&list).await;
    let of = |sub: &str, issued: i64| Token::of(ISSUER).claim("sub", sub).claim("iat", issued);
    assert_eq!(
        place.reason(&of("old", limit - 1).signed(rsa(0))).await,
        "revoked"
    );
    assert_eq!(
        place.reason(&of("old", limit).signed(rsa(0))).await,
        "allowed"
    );
    let undated = of("old", limit).without("iat").signed(rsa(0));
    assert_eq!(place.reason(&undated).await, "revoked");
    assert_eq!(
        place.reason(&of("ended", limit).signed(rsa(0))).await,
        "allowed"
    );
    assert_eq!(
        place.reason(&of("later", limit).signed(rsa(0))).await,
        "revoked"
    );
}

/// Step 21: every earlier step gives its own reason, and the rule is judged after it.
#[tokio::test]
async fn the_deny_list_is_judged_after_the_issuer_entry_and_before_the_rule() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("revoked.yaml");
    std::fs::write(&file, entry("sub", "sam")).unwrap();
    let keys = set([rsa(0).jwk("k")]);
    let lines = "claims: { tier: gold }";
    let configuration = format!(
        "issuers:\n{}revoked: {{ file: '{}' }}\nrules: [{{ name: r, scopes: [none] }}]\n",
        inline_issuer(ISSUER, &keys, lines),
        file.display()
    );
    let service = Service::ready(&configuration).await;
    let revoked = || Token::of(ISSUER).claim("sub", "sam").claim("tier", "gold");
    for (token, reason) in [
        (revoked(), "revoked"),
        (revoked().claim("exp", now() - 100), "expired"),
        (revoked().claim("tier", "silver"), "invalid_claim"),
        (revoked().claim("sub", "other"), "insufficient_scope"),
    ] {
        let answer = service
            .check(ClientRequest::bearer(&token.signed(rsa(0))))
            .await;
        assert_eq!(answer.reason(), reason);
    }
}

#[tokio::test]
async fn metadata_of_a_revoked_token_says_whose_it_is() {
    let place = Place::with_list(&entry("jti", "t-1")).await;
    let answer = place
        .envoy
        .check(ClientRequest::bearer(&token("jti", "t-1")))
        .await;
    let metadata = answer.metadata();
    assert_eq!(metadata["subject"], json!("someone"), "{metadata}");
    assert_eq!(metadata["issuer"], json!(ISSUER), "{metadata}");
}
