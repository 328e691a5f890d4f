//! Who is which issuer, compared character by character.

use crate::support::check_request::ClientRequest;
use crate::support::issuer::KeyServer;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

use super::common::{ONE, OTHER, reason};

#[tokio::test]
async fn issuers_with_the_same_kid_do_not_share_keys() {
    let one = inline_issuer(ONE, &set([rsa(0).jwk("k")]), "");
    let other = inline_issuer(OTHER, &set([rsa(1).jwk("k")]), "");
    for more in ["", "token_cache: 0\n"] {
        let service = Service::ready(&format!("issuers:\n{one}{other}{more}")).await;
        let envoy = service.envoy().await;
        for _ in 0..2 {
            for (issuer, own, foreign) in [(ONE, rsa(0), rsa(1)), (OTHER, rsa(1), rsa(0))] {
                assert_eq!(
                    reason(&envoy, &Token::of(issuer).signed(own)).await,
                    "allowed"
                );
                let forged = Token::of(issuer).signed(foreign);
                assert_eq!(reason(&envoy, &forged).await, "invalid_signature");
                let answer = envoy
                    .check(ClientRequest::bearer(&Token::of(issuer).signed(own)))
                    .await;
                assert_eq!(answer.text("issuer").as_deref(), Some(issuer));
            }
        }
    }
}

#[tokio::test]
async fn a_list_of_issuers_shares_its_key_set() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let uri = server.url("/keys");
    let configuration = format!(
        "issuers:\n  - issuer: [{ONE}, {OTHER}]\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}' }}\n"
    );
    let service = Service::ready(&configuration).await;
    for issuer in [ONE, OTHER] {
        let answer = service
            .check(ClientRequest::bearer(&Token::of(issuer).signed(rsa(0))))
            .await;
        assert_eq!(
            (answer.reason().as_str(), answer.text("issuer").as_deref()),
            ("allowed", Some(issuer))
        );
    }
    assert_eq!(server.count("/keys"), 1);
    let result = service.issuers().await;
    assert_eq!(result.len(), 1);
    assert_eq!(result[0].issuers, [ONE, OTHER]);
}

#[tokio::test]
async fn issuers_are_compared_character_by_character() {
    let with_slash = "https://slash.test/";
    let keys = set([rsa(0).jwk("k")]);
    let entries = [ONE, with_slash]
        .map(|issuer| inline_issuer(issuer, &keys, ""))
        .concat();
    let service = Service::ready(&format!("issuers:\n{entries}")).await;
    let envoy = service.envoy().await;
    for (issuer, expected) in [
        (ONE, "allowed"),
        (with_slash, "allowed"),
        ("https://one.test/", "unknown_issuer"),
        ("https://slash.test", "unknown_issuer"),
        ("https://ONE.test", "unknown_issuer"),
        ("http://one.test", "unknown_issuer"),
        ("https://one.test:443", "unknown_issuer"),
        ("https://one.test ", "unknown_issuer"),
        ("https://one.test\0", "unknown_issuer"),
        ("https://one.test#x", "unknown_issuer"),
        ("", "unknown_issuer"),
    ] {
        let answer = envoy
            .check(ClientRequest::bearer(&Token::of(issuer).signed(rsa(0))))
            .await;
        assert_eq!(answer.reason(), expected, "{issuer:?}");
        assert_eq!(answer.text("issuer").is_some(), expected == "allowed");
    }
}
