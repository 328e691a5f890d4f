//! Which keys of a set are used, for which token.

use accredit::admin::pb::ExplainRequest;
use serde_json::{Value, json};

use crate::support::check_request::ClientRequest;
use crate::support::http_get::get;
use crate::support::issuer::KeyServer;
use crate::support::keys::{p256, rsa, set};
use crate::support::service::{Service, inline_issuer, issuer_at};
use crate::support::token::{Token, now};

use super::common::{ONE, reason};

#[tokio::test]
async fn an_unusable_key_does_not_affect_the_other_keys() {
    let with = |mut jwk: Value, name: &str, value: Value| {
        jwk[name] = value;
        jwk
    };
    let small = json!({ "kty": "RSA", "kid": "small", "n": "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4", "e": "AQAB" });
    let rubbish = vec![
        ("small", small),
        ("text", json!("a key")),
        (
            "oct",
            json!({ "kty": "oct", "kid": "oct", "k": "c2VjcmV0" }),
        ),
        ("enc", with(rsa(0).jwk("enc"), "use", "enc".into())),
        (
            "ops",
            with(rsa(0).jwk("ops"), "key_ops", json!(["encrypt"])),
        ),
        ("alien", json!({ "kty": "PQ", "kid": "alien", "x": "AAAA" })),
        ("no n", json!({ "kty": "RSA", "kid": "no n", "e": "AQAB" })),
        ("bad n", with(rsa(0).jwk("bad n"), "n", "!!".into())),
        ("n a number", with(rsa(0).jwk("n a number"), "n", 5.into())),
        (
            "off the curve",
            with(
                p256(0).jwk("off the curve"),
                "y",
                p256(1).jwk("x")["y"].clone(),
            ),
        ),
        ("odd kid", with(rsa(0).jwk(None), "kid", 7.into())),
    ];
    let mut keys: Vec<Value> = rubbish.iter().map(|(_, jwk)| jwk.clone()).collect();
    keys.push(rsa(0).jwk("k"));
    let mut text = set(keys);
    // A member twice inside a key sets that key aside, and only that.
    text = text.replacen(
        "\"keys\":[",
        &format!("\"keys\":[{},", twice(rsa(0).jwk("twice"))),
        1,
    );
    let server = KeyServer::with_keys(text).await;
    let service = Service::ready(&issuer_at(&server, "")).await;
    let envoy = service.envoy().await;
    let token = Token::of(&server.url(""));
    assert_eq!(reason(&envoy, &token.signed(rsa(0))).await, "allowed");
    for kid in [
        "small",
        "oct",
        "enc",
        "ops",
        "alien",
        "no n",
        "bad n",
        "n a number",
        "off the curve",
        "twice",
    ] {
        let answer = reason(&envoy, &token.clone().kid(kid).signed(rsa(0))).await;
        assert_eq!(
            answer, "unsupported_algorithm",
            "{kid} is held, and does not fit"
        );
    }
    let result = service.issuers().await.remove(0);
    assert_eq!(result.keys.len(), 1);
    assert_eq!(result.set_aside.len(), rubbish.len() + 1);
    assert!(
        result
            .set_aside
            .iter()
            .all(|aside| !aside.reason.is_empty()),
        "{result:?}"
    );
    assert!(result.has_keys);

    // `/readyz` names the same keys with the same reasons.
    let (_, body) = get(service.admin, "localhost", "/readyz").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    let shown: Vec<_> = body["issuers"][0]["set_aside"]
        .as_array()
        .unwrap()
        .iter()
        .map(|aside| (aside["kid"].as_str(), aside["reason"].as_str().unwrap()))
        .collect();
    let listed: Vec<_> = result
        .set_aside
        .iter()
        .map(|aside| (aside.kid.as_deref(), aside.reason.as_str()))
        .collect();
    assert_eq!(shown, listed);
}

/// CONTRACT 5.7.2b. The issuer decides how many keys it publishes, so the answers are bounded and state the rest.
#[tokio::test]
async fn keys_set_aside_beyond_the_limit_of_an_answer_are_counted() {
    let symmetric = |n: u32| json!({ "kty": "oct", "kid": n.to_string(), "k": "c2VjcmV0" });
    let keys = (0..150).map(symmetric).chain([rsa(0).jwk("k")]);
    let issuer = inline_issuer(ONE, &set(keys), "");
    let service = Service::ready(&format!("issuers:\n{issuer}")).await;
    let listed = service.issuers().await.remove(0);
    assert_eq!(
        (listed.set_aside.len(), listed.omitted_set_aside),
        (100, 50)
    );
    let (_, body) = get(service.admin, "localhost", "/readyz").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["issuers"][0]["omitted_set_aside"], 50, "{body}");
    let (_, page) = get(service.admin, "localhost", "/").await;
    assert!(page.contains("1 keys, 150 set aside") && page.contains("50 more keys are set aside"));
}

fn twice(jwk: Value) -> String {
    let text = jwk.to_string();
    format!("{},\"kty\":\"RSA\"}}", text.strip_suffix('}').unwrap())
}

#[tokio::test]
async fn a_published_private_key_verifies_with_its_public_part() {
    let mut jwk = rsa(0).jwk("k");
    for name in ["d", "p", "q"] {
        jwk[name] = "c2VjcmV0".into();
    }
    let service = Service::ready(&format!(
        "issuers:\n{}",
        inline_issuer(ONE, &set([jwk]), "")
    ))
    .await;
    let answer = service
        .check(ClientRequest::bearer(&Token::of(ONE).signed(rsa(0))))
        .await;
    assert_eq!(answer.reason(), "allowed");
}

#[tokio::test]
async fn only_keys_with_the_kid_or_without_any_are_tried() {
    let nameless = inline_issuer(ONE, &set([rsa(0).jwk(None), rsa(1).jwk("k")]), "");
    let service = Service::ready(&format!("issuers:\n{nameless}")).await;
    let envoy = service.envoy().await;
    let without = || Token::of(ONE).without_header("kid");
    for (thing, token, expected) in [
        (
            "a kid, by its key",
            Token::of(ONE).signed(rsa(1)),
            "allowed",
        ),
        (
            "a kid, by the nameless key",
            Token::of(ONE).signed(rsa(0)),
            "allowed",
        ),
        (
            "an invented kid, by the nameless key",
            Token::of(ONE).kid("z").signed(rsa(0)),
            "allowed",
        ),
        (
            "an invented kid, by the named key",
            Token::of(ONE).kid("z").signed(rsa(1)),
            "unknown_key",
        ),
        (
            "no kid, by the named key",
            without().signed(rsa(1)),
            "allowed",
        ),
        (
            "no kid, by the nameless key",
            without().signed(rsa(0)),
            "allowed",
        ),
        (
            "no kid, by none",
            without().signed(rsa(2)),
            "invalid_signature",
        ),
        (
            "an empty kid, by none",
            Token::of(ONE).kid("").signed(rsa(2)),
            "invalid_signature",
        ),
    ] {
        assert_eq!(reason(&envoy, &token).await, expected, "{thing}");
    }
    let answer = envoy
        .check(ClientRequest::bearer(&without().signed(rsa(1))))
        .await;
    assert_eq!(answer.text("key_id").as_deref(), Some("k"), "the key's own");
    let answer = envoy
        .check(ClientRequest::bearer(
            &Token::of(ONE).kid("z").signed(rsa(0)),
        ))
        .await;
    assert_eq!(answer.text("key_id"), None, "no key has the token's kid");
}

#[tokio::test]
async fn a_token_without_kid_and_without_a_fitting_key_is_refused() {
    let only_ec = inline_issuer(ONE, &set([p256(0).jwk("e")]), "");
    let service = Service::ready(&format!("issuers:\n{only_ec}")).await;
    let token = Token::of(ONE).without_header("kid");
    assert_eq!(
        service
            .check(ClientRequest::bearer(&token.signed(rsa(0))))
            .await
            .reason(),
        "unknown_key"
    );
    let old = token.claim("exp", now() - 100).signed(rsa(0));
    assert_eq!(
        service.check(ClientRequest::bearer(&old)).await.reason(),
        "expired"
    );
}

/// CONTRACT 5.7.2a, 5.2.2: keys as serializers of real issuers write them.
#[tokio::test]
async fn keys_with_unset_members_and_lenient_numbers_are_used() {
    let with = |kid: &'static str, members: Value| {
        let mut jwk = rsa(0).jwk(kid);
        for (name, value) in members.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    };
    let n = rsa(0).jwk("k")["n"].as_str().unwrap().to_owned();
    let standard = n.replace('-', "+").replace('_', "/");
    let (first, rest) = standard.split_at(76);
    let nothing = |value: Value| json!({ "use": value, "alg": value, "key_ops": value, "x5c": value, "x5t": value, "d": value });
    let keys = [
        with("null", nothing(json!(null))),
        with("empty text", nothing(json!(""))),
        with("empty list", nothing(json!([]))),
        with("padded", json!({ "n": format!("{n}==") })),
        with("standard", json!({ "n": format!("{standard}==") })),
        with("lines", json!({ "n": format!("{first}\r\n{rest}") })),
        with("leading zeros", json!({ "e": "AAAAAQAB" })),
        with("spiffe", json!({ "use": "jwt-svid" })),
    ];
    let kids: Vec<String> = keys
        .iter()
        .map(|jwk| jwk["kid"].as_str().unwrap().to_owned())
        .collect();
    let server = KeyServer::with_keys(set(keys)).await;
    let service = Service::ready(&issuer_at(&server, "")).await;
    let envoy = service.envoy().await;
    for kid in kids {
        let token = Token::of(&server.url("")).kid(&kid).signed(rsa(0));
        assert_eq!(reason(&envoy, &token).await, "allowed", "{kid}");
    }
}

#[tokio::test]
async fn at_most_sixteen_keys_are_tried() {
    // CONTRACT 5.2.2: a key that was not tried can have signed the token.
    for (before, expected) in [(15, "allowed"), (16, "unknown_key")] {
        let mut keys = vec![rsa(1).jwk(None); before];
        keys.push(rsa(0).jwk(None));
        let service =
            Service::ready(&format!("issuers:\n{}", inline_issuer(ONE, &set(keys), ""))).await;
        let token = Token::of(ONE).without_header("kid").signed(rsa(0));
        assert_eq!(
            service.check(ClientRequest::bearer(&token)).await.reason(),
            expected,
            "{before}"
        );
        let request = ExplainRequest {
            token: Some(token),
            ..ExplainRequest::default()
        };
        let explained = service.admin().await.explain(request).await;
        let explained = format!("{:?}", explained.expect("is served").into_inner());
        assert_eq!(
            explained.contains("16 keys were tried, and 1 more that fit were not"),
            expected == "unknown_key",
            "{explained}"
        );
    }
}

#[tokio::test]
async fn a_key_is_used_only_as_its_use_and_alg_permit() {
    let said = |kid: &'static str, name: &str, value: Value| {
        let mut jwk = rsa(0).jwk(kid);
        jwk[name] = value;
        jwk
    };
    let keys = set([
        said("sig", "use", "sig".into()),
        said("verify", "key_ops", json!(["sign", "verify"])),
        said("256", "alg", "RS256".into()),
        said("512", "alg", "RS512".into()),
    ]);
    let lines = "algorithms: [RS256, RS512]";
    let service = Service::ready(&format!("issuers:\n{}", inline_issuer(ONE, &keys, lines))).await;
    let envoy = service.envoy().await;
    for (kid, alg, expected) in [
        ("sig", "RS256", "allowed"),
        ("sig", "RS512", "allowed"),
        ("verify", "RS256", "allowed"),
        ("256", "RS256", "allowed"),
        ("256", "RS512", "unsupported_algorithm"),
        ("512", "RS256", "unsupported_algorithm"),
        ("512", "RS512", "allowed"),
    ] {
        let token = Token::of(ONE).kid(kid).alg(alg).signed(rsa(0));
        assert_eq!(reason(&envoy, &token).await, expected, "{kid} {alg}");
    }
}
