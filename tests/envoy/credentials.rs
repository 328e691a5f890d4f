//! Where the token lies in a request, and requests with more than one.

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::http2_client::{Http2, request, whole};
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

#[tokio::test]
async fn a_request_has_exactly_one_bearer_token() {
    for encode_raw_headers in [true, false] {
        let accredit = Service::ready(&acme(&[])).await;
        let scene = Scene::start_with(accredit, |mut bootstrap| {
            bootstrap.encode_raw_headers = encode_raw_headers;
            bootstrap
        })
        .await;
        let good = Token::of_client(ACME, KID).signed(rsa(0));
        several_credentials(&scene, &good).await;
        no_credential(&scene, &good).await;
        near_tokens(&scene, &good).await;
        spellings_of_one(&scene, &good).await;
        over_http2(&scene, &good).await;
    }
}

fn get(values: &[String]) -> RawRequest {
    values.iter().fold(RawRequest::get("/"), |request, value| {
        request.header("authorization", value)
    })
}

async fn several_credentials(scene: &Scene, good: &str) {
    let bearer = format!("Bearer {good}");
    let repeats = [
        vec![bearer.clone(), bearer.clone()],
        vec![bearer.clone(), "Bearer x".to_owned()],
        vec!["Bearer x".to_owned(), bearer.clone()],
        vec!["Basic dXNlcjpwYXNz".to_owned(), bearer.clone()],
        vec![bearer.clone(), "Basic dXNlcjpwYXNz".to_owned()],
        vec![format!("{bearer},{bearer}")],
        vec![format!("{bearer}, bearer x")],
        vec![format!("Digest a=1, {bearer}")],
        vec![format!("{bearer},")],
        vec![format!(",{bearer}")],
        vec![format!("{bearer},x")],
    ];
    for values in repeats {
        scene.refused(get(&values), "invalid_request").await;
    }
}

async fn no_credential(scene: &Scene, good: &str) {
    for value in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer  ".to_owned(),
        "Basic dXNlcjpwYXNz".to_owned(),
        "Digest username=x, realm=y".to_owned(),
        good.to_owned(),
        format!("BearerX {good}"),
        format!("Token {good}"),
    ] {
        scene.refused(get(&[value]), "missing_token").await;
    }
    // Other places are not looked at.
    let elsewhere = RawRequest::get(format!("/?access_token={good}"))
        .header("cookie", format!("session={good}"))
        .header("x-api-token", good)
        .header("proxy-authorization", format!("Bearer {good}"));
    scene.refused(elsewhere, "missing_token").await;
}

/// What some servers take for a bearer token (CONTRACT 4.3.10). Envoy forwards a tab after the scheme as it came.
async fn near_tokens(scene: &Scene, good: &str) {
    for value in [
        format!("Bearer\t{good}"),
        format!("bearer:{good}"),
        format!("Bearer\"{good}\""),
        format!("Bearer\u{a0}{good}"),
        format!("Bearer {good}\u{a0}"),
        format!("Basic x, Bearer\t{good}"),
    ] {
        scene.refused(get(&[value]), "invalid_request").await;
    }
}

async fn spellings_of_one(scene: &Scene, good: &str) {
    for value in [
        format!("bearer {good}"),
        format!("BEARER     {good}"),
        format!(" \t Bearer {good} \t "),
    ] {
        let seen = scene.admitted(get(&[value])).await.seen;
        assert_eq!(seen.header("x-jwt-sub").unwrap(), "m2morg_1001");
    }
    // An empty copy is one that Envoy itself drops.
    let values = [String::new(), format!("Bearer {good}")];
    scene.admitted(get(&values)).await;
    let upper = RawRequest::get("/").header("AUTHORIZATION", format!("Bearer {good}"));
    scene.admitted(upper).await;
}

/// HTTP/2 does not trim values.
async fn over_http2(scene: &Scene, good: &str) {
    let client = Http2::connect(scene.envoy.address()).await;
    let bearer = format!("Bearer {good}");
    let twice = request("GET", "/", None)
        .header("authorization", &bearer)
        .header("authorization", &bearer);
    for (head, reason) in [
        (twice, Some("invalid_request")),
        (
            request("GET", "/", None).header("authorization", format!(" {bearer}  ")),
            None,
        ),
        (request("GET", "/", Some(good)), None),
        (request("GET", "/", None), Some("missing_token")),
    ] {
        let before = scene.upstream.count();
        let (answer, _) = client.send(head.body(whole("")).unwrap()).await;
        match reason {
            Some(reason) => drop(scene.judge_refusal(&answer, before, reason).await),
            None => drop(scene.judge_admission(&answer, before).await),
        }
    }
}
