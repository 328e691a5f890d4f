//! Browsers of another origin, through envoy-cors.yaml: preflights, refusals that a script can read, and the filters' order.

use super::support::answers;
use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::client::{Answer, RawRequest};
use accredit_test_support::keys::rsa;
use accredit_test_support::ports::free_address;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

const APP: &str = "https://app.acme.example";
const STRANGER: &str = "https://evil.example";

const CORS: &str = "                  - name: envoy.filters.http.cors
                    typed_config:
                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors

";
const ROUTER: &str = "                  - name: envoy.filters.http.router\n";

async fn scene(lines: &str, change: impl FnOnce(Bootstrap) -> Bootstrap) -> Scene {
    let accredit = Service::ready(&format!("{lines}{}", acme(&[]))).await;
    Scene::start_with(accredit, |shipped| change(shipped.of("envoy-cors.yaml"))).await
}

/// ext_authz first.
fn swapped(shipped: Bootstrap) -> Bootstrap {
    shipped
        .change(CORS, "")
        .change(ROUTER, &format!("{CORS}{ROUTER}"))
}

fn preflight(origin: &str) -> RawRequest {
    RawRequest::new("OPTIONS", "/deployments/7")
        .header("origin", origin)
        .header("access-control-request-method", "DELETE")
        .header("access-control-request-headers", "authorization")
}

fn from(origin: &str) -> RawRequest {
    RawRequest::get("/deployments/7").header("origin", origin)
}

/// What the answer allows, by the end of the header's name.
fn allows<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.header(&format!("access-control-{name}"))
}

#[tokio::test]
async fn a_preflight_is_answered_by_envoy_alone() {
    let scene = scene("", |shipped| shipped).await;
    let answer = preflight(APP).send(scene.envoy.address()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(allows(&answer, "allow-origin"), Some(APP));
    let methods = "GET, POST, PUT, PATCH, DELETE";
    assert_eq!(allows(&answer, "allow-methods"), Some(methods));
    let headers = "authorization, content-type";
    assert_eq!(allows(&answer, "allow-headers"), Some(headers));
    assert_eq!(allows(&answer, "max-age"), Some("600"));
    assert_eq!(allows(&answer, "allow-credentials"), None);
    let log = scene.next_log().await;
    assert!(log["decision"].is_null(), "accredit was not asked: {log}");
    assert_eq!(scene.upstream.count(), 0);
}

/// Not even where a rule would let preflights through to the API.
#[tokio::test]
async fn a_preflight_of_another_origin_gets_no_permission_and_stops_at_envoy() {
    let rule = "rules:\n  - { name: preflight, match: { preflight: true }, access: anonymous }\n";
    let shipped = scene(rule, |shipped| shipped).await;
    let answer = preflight(STRANGER).send(shipped.envoy.address()).await;
    assert_eq!(answer.status, 200);
    // Without this header, a browser ignores the others.
    assert_eq!(allows(&answer, "allow-origin"), None);
    assert_eq!(shipped.upstream.count(), 0);
    let without = |shipped: Bootstrap| {
        shipped.change(
            "forward_not_matching_preflights: false",
            "forward_not_matching_preflights: true",
        )
    };
    let without = scene(rule, without).await;
    preflight(STRANGER).send(without.envoy.address()).await;
    assert_eq!(
        without.upstream.count(),
        1,
        "the API is asked without a token"
    );
}

#[tokio::test]
async fn a_script_can_read_the_body_of_a_refusal() {
    let scene = scene("", |shipped| shipped).await;
    let expired = Token::of_client(ACME, KID)
        .time("exp", -3600)
        .signed(rsa(0));
    for (request, reason) in [
        (from(APP), "missing_token"),
        (from(APP).bearer(&expired), "expired"),
    ] {
        let answer = request.send(scene.envoy.address()).await;
        answers::judge(&answer, reason);
        assert_eq!(allows(&answer, "allow-origin"), Some(APP), "{reason}");
        let exposed = "www-authenticate, retry-after";
        assert_eq!(allows(&answer, "expose-headers"), Some(exposed));
    }
    let good = Token::of_client(ACME, KID).signed(rsa(0));
    let answer = from(APP).bearer(&good).send(scene.envoy.address()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(allows(&answer, "allow-origin"), Some(APP));
    // Another origin's script may send the request, as anybody may, and reads nothing of it.
    let answer = from(STRANGER).send(scene.envoy.address()).await;
    answers::judge(&answer, "missing_token");
    assert_eq!(allows(&answer, "allow-origin"), None);
    // No preflight without the method it asks for: that is a request like others.
    let options = RawRequest::new("OPTIONS", "/").header("origin", APP);
    let answer = options.send(scene.envoy.address()).await;
    answers::judge(&answer, "missing_token");
}

#[tokio::test]
async fn a_script_can_read_retry_after() {
    let unreachable = AuthzTarget::Tcp(free_address());
    let scene = Scene::asking(unreachable, |shipped| shipped.of("envoy-cors.yaml")).await;
    let answer = from(APP).send(scene.envoy.address()).await;
    assert_eq!(answer.status, 503);
    assert_eq!(allows(&answer, "allow-origin"), Some(APP));
}

#[tokio::test]
async fn a_cors_filter_behind_ext_authz_answers_no_preflight_and_hides_refusals() {
    let scene = scene("", swapped).await;
    for request in [preflight(APP), from(APP)] {
        let answer = request.send(scene.envoy.address()).await;
        answers::judge(&answer, "missing_token");
        let allowed = answer.headers.iter().map(|(name, _)| name);
        let mut allowed = allowed.filter(|name| name.starts_with("access-control-"));
        assert_eq!(allowed.next(), None, "{answer:?}");
    }
}
