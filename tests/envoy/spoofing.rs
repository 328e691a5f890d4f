//! Headers of a client that only a verified token may set: none of them reaches the upstream.
//!
//! Envoy's own early removal is off and underscores are let through, so that accredit alone has to see to it.

use super::support::config::{ACME, KID, acme};
use super::support::scene::{Admitted, Scene};
use accredit_test_support::bootstrap::Bootstrap;
use accredit_test_support::client::RawRequest;
use accredit_test_support::http2_client::{Http2, request, whole};
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

/// The value of every forged header.
const FORGED: &str = "forged";

/// Every character that can stand in a header's name and is neither letter nor digit.
const SEPARATORS: &str = "-_.~!#$%&'*+^`|";

/// Set by the token, named by `claim_headers` with no such claim, covered by the prefix, the payload's, listed.
const NAMES: [&str; 6] = [
    "x-jwt-sub",
    "x-jwt-email",
    "x-jwt-anything-else",
    "x-org",
    "x-token-payload",
    "x-internal-user",
];

fn open(mut bootstrap: Bootstrap, encode_raw_headers: bool) -> Bootstrap {
    bootstrap.early_removal = false;
    bootstrap.underscores = true;
    bootstrap.encode_raw_headers = encode_raw_headers;
    bootstrap
}

fn yaml() -> String {
    let claims = "claim_headers: { x-jwt-sub: sub, x-jwt-email: email, x-org: oid }";
    format!(
        "payload_header: X-Token-Payload\nstrip_headers: ['x-jwt-*', X-Internal-User]\n{}",
        acme(&[claims])
    )
}

/// All spellings that a server could take for this name.
fn spellings(name: &str) -> Vec<String> {
    let mut spellings: Vec<String> = SEPARATORS
        .chars()
        .map(|separator| name.replace('-', &separator.to_string()))
        .collect();
    spellings.push(name.to_uppercase());
    spellings.push(name.to_uppercase().replace('-', "_"));
    // One separator of several.
    spellings.push(name.replacen('-', "_", 1));
    let last = name.rfind('-').unwrap();
    spellings.push(format!("{}_{}", &name[..last], &name[last + 1..]));
    spellings
}

fn judge(admitted: &Admitted, token: &str) {
    let seen = &admitted.seen;
    for (name, value) in &seen.headers {
        let value = String::from_utf8_lossy(value);
        assert!(!value.contains(FORGED), "{name}: {value}");
    }
    assert_eq!(seen.header("x-jwt-sub").unwrap(), "m2morg_1001");
    assert_eq!(seen.header("x-org").unwrap(), "org_2001");
    let payload = token.split('.').nth(1).unwrap();
    assert_eq!(seen.header("x-token-payload").unwrap(), payload);
    assert_eq!(seen.header("x-jwtsub").unwrap(), "kept");
    assert_eq!(seen.header("x-orgs").unwrap(), "kept");
    assert!(seen.header("x-request-id").is_some());
}

#[tokio::test]
async fn client_values_of_claim_headers_never_reach_the_upstream() {
    for encode_raw_headers in [true, false] {
        let accredit = Service::ready(&yaml()).await;
        let scene = Scene::start_with(accredit, |shipped| open(shipped, encode_raw_headers)).await;
        let token = Token::of_client(ACME, KID).signed(rsa(0));
        let get = || {
            RawRequest::get("/")
                .bearer(&token)
                .header("x-jwtsub", "kept")
                .header("x-orgs", "kept")
        };
        for spelling in spellings("x-jwt-sub") {
            let request = get().header(&spelling, FORGED);
            judge(&scene.admitted(request).await, &token);
        }
        // Every one at once, each of them twice.
        for name in NAMES {
            let request = spellings(name).iter().fold(get(), |request, spelling| {
                request
                    .header(spelling, FORGED)
                    .header(spelling, "forged too")
            });
            judge(&scene.admitted(request).await, &token);
        }
        // A hop-by-hop header cannot be used to take a claim away on the way.
        let hop = get().header("connection", "x-jwt-sub, x-org, x-token-payload");
        judge(&scene.admitted(hop).await, &token);
        envoys_own_note(&scene, &token).await;
        over_http2(&scene, &token).await;
    }
}

/// The header that Envoy adds when it failed open.
async fn envoys_own_note(scene: &Scene, token: &str) {
    let request = RawRequest::get("/")
        .bearer(token)
        .header("x-jwtsub", "kept")
        .header("x-orgs", "kept");
    let request = spellings("x-envoy-auth-failure-mode-allowed")
        .iter()
        .fold(request, |request, spelling| {
            request.header(spelling, FORGED)
        });
    judge(&scene.admitted(request).await, token);
}

async fn over_http2(scene: &Scene, token: &str) {
    let client = Http2::connect(scene.envoy.address()).await;
    let mut head = request("GET", "/", Some(token))
        .header("x-jwtsub", "kept")
        .header("x-orgs", "kept");
    for spelling in spellings("x-jwt-sub") {
        head = head.header(spelling.to_lowercase(), FORGED);
    }
    let before = scene.upstream.count();
    let (answer, _) = client.send(head.body(whole("")).unwrap()).await;
    judge(&scene.judge_admission(&answer, before).await, token);
}
