//! Each safety setting of the shipped Envoy is removed in turn, and the test shows what Envoy then lets through.
//!
//! A setting whose removal seems to change nothing would soon be removed. Where accredit refuses the request by itself, the test
//! shows that too.

use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc;

use super::support::config::{ACME, KID, acme};
use super::support::lying::LyingService;
use super::support::scene::Scene;
use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::client::{Answer, RawRequest};
use accredit_test_support::keys::rsa;
use accredit_test_support::ports::free_address;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

const OFF: &str = r#"typed_per_filter_config: { envoy.filters.http.ext_authz: { "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: true } }"#;

fn good() -> RawRequest {
    RawRequest::get("/").bearer(&Token::of_client(ACME, KID).signed(rsa(0)))
}

/// These routes before the shipped one.
fn routes(bootstrap: Bootstrap, routes: &[String]) -> Bootstrap {
    let shipped = "- match: { prefix: / }";
    let mut all = String::new();
    for route in routes {
        all.push_str(&format!("- {{ {route} }}\n                        "));
    }
    bootstrap.change(shipped, &format!("{all}{shipped}"))
}

fn unchecked(matched: &str) -> String {
    format!("match: {{ {matched} }}, route: {{ cluster: api }}, {OFF}")
}

/// What becomes of a request, asking accredit with a configuration of one issuer and these lines.
async fn through(
    lines: &str,
    change: impl FnOnce(Bootstrap) -> Bootstrap,
    request: RawRequest,
) -> (Answer, Scene) {
    let accredit = Service::ready(&format!("{lines}{}", acme(&[]))).await;
    let scene = Scene::start_with(accredit, change).await;
    (request.send(scene.envoy.address()).await, scene)
}

/// The answer to a request while accredit is unreachable.
async fn alone(
    change: impl FnOnce(Bootstrap) -> Bootstrap,
    request: RawRequest,
) -> (Answer, Scene) {
    let scene = Scene::asking(AuthzTarget::Tcp(free_address()), change).await;
    (request.send(scene.envoy.address()).await, scene)
}

fn failing_open(mut bootstrap: Bootstrap) -> Bootstrap {
    bootstrap.failure_mode_allow = true;
    bootstrap
}

#[tokio::test]
async fn without_early_header_removal_a_client_selects_a_route_by_a_claim_header() {
    let partner = [unchecked(
        "prefix: /, headers: [{ name: x-jwt-org, string_match: { exact: acme } }]",
    )];
    let request = || RawRequest::get("/").header("x-jwt-org", "acme");
    let (answer, _scene) = through("", |shipped| routes(shipped, &partner), request()).await;
    assert_eq!(answer.status, 401);
    let without = |mut shipped: Bootstrap| {
        shipped.early_removal = false;
        routes(shipped, &partner)
    };
    let (answer, scene) = through("", without, request()).await;
    assert_eq!(answer.status, 200, "accredit was not called");
    let seen = scene.upstream.last_request().unwrap();
    assert_eq!(seen.header("x-jwt-org").as_deref(), Some("acme"));
}

#[tokio::test]
async fn with_underscores_allowed_a_claim_header_arrives_under_another_name() {
    let request = || RawRequest::get("/").header("x_jwt_sub", "admin");
    let (answer, _scene) = alone(failing_open, request()).await;
    assert_eq!(answer.status, 400);
    let without = |shipped| {
        let mut shipped = failing_open(shipped);
        shipped.underscores = true;
        shipped
    };
    let (answer, scene) = alone(without, request()).await;
    assert_eq!(answer.status, 200);
    let seen = scene.upstream.last_request().unwrap();
    assert_eq!(seen.header("x_jwt_sub").as_deref(), Some("admin"));
}

/// Symfony, Zend and IIS read another path or method from these headers than accredit decided about.
#[tokio::test]
async fn headers_that_name_another_path_or_method_do_not_reach_the_upstream() {
    const NAMES: [&str; 3] = ["x-original-url", "x-rewrite-url", "x-http-method-override"];
    let request = || {
        let request = RawRequest::get("/").header("x-original-url", "/admin");
        let request = request.header("X-Rewrite-URL", "/admin");
        request.header("x-http-method-override", "DELETE")
    };
    let (answer, scene) = alone(failing_open, request()).await;
    assert_eq!(answer.status, 200);
    let seen = scene.upstream.last_request().unwrap();
    assert_eq!(NAMES.map(|name| seen.header(name)), [None, None, None]);
    let without = |shipped| {
        let mut shipped = failing_open(shipped);
        shipped.early_removal = false;
        shipped
    };
    let (answer, scene) = alone(without, request()).await;
    assert_eq!(answer.status, 200);
    let seen = scene.upstream.last_request().unwrap();
    assert!(NAMES.iter().all(|name| seen.header(name).is_some()));
}

#[tokio::test]
async fn failure_mode_allow_admits_every_request_while_accredit_is_down() {
    let (answer, scene) = alone(|shipped| shipped, RawRequest::get("/")).await;
    assert_eq!((answer.status, scene.upstream.count()), (503, 0));
    let (answer, scene) = alone(failing_open, RawRequest::get("/")).await;
    assert_eq!((answer.status, scene.upstream.count()), (200, 1));
}

#[tokio::test]
async fn without_status_on_error_envoy_answers_403_while_accredit_is_down() {
    let without =
        |shipped: Bootstrap| shipped.change("status_on_error: { code: ServiceUnavailable }", "");
    assert_eq!(alone(without, good()).await.0.status, 403);
}

#[tokio::test]
async fn without_path_normalisation_a_path_bypasses_the_check() {
    let public = [unchecked("prefix: /public/")];
    let private = [
        "match: { prefix: /private }, route: { cluster: api }".to_owned(),
        unchecked("prefix: /"),
    ];
    for (routed, setting, without, path, shipped_status) in [
        (
            &public[..],
            "normalize_path: true",
            "normalize_path: false",
            "/public/../private",
            401,
        ),
        (
            &private[..],
            "merge_slashes: true",
            "merge_slashes: false",
            "//private",
            401,
        ),
        (
            &public[..],
            "path_with_escaped_slashes_action: REJECT_REQUEST",
            "path_with_escaped_slashes_action: KEEP_UNCHANGED",
            "/public/..%2fprivate",
            400,
        ),
    ] {
        let request = || RawRequest::get(path);
        let (answer, scene) = through("", |shipped| routes(shipped, routed), request()).await;
        assert_eq!(
            (answer.status, scene.upstream.count()),
            (shipped_status, 0),
            "{path}"
        );
        let changed = |shipped| routes(shipped, routed).change(setting, without);
        let (answer, scene) = through("", changed, request()).await;
        assert_eq!(answer.status, 200, "{path}: accredit was not called");
        assert_eq!(scene.upstream.last_request().unwrap().path, path);
        // What does reach accredit, it does not take for a public path.
        let rules =
            "rules:\n  - { name: public, match: { paths: [/public/**] }, access: anonymous }\n";
        let (answer, scene) =
            through(rules, |shipped| shipped.change(setting, without), request()).await;
        assert_eq!((answer.status, scene.upstream.count()), (400, 0), "{path}");
    }
}

#[tokio::test]
async fn without_raw_headers_a_rule_sees_a_value_that_the_upstream_does_not_get() {
    let rules =
        "rules:\n  - { name: tenant, when: 'request.headers[\"x-tenant\"] == \"acme!\"' }\n";
    let request = || good().header("x-tenant", b"acme\xff");
    let (answer, _scene) = through(rules, |shipped| shipped, request()).await;
    assert_eq!(answer.status, 403);
    let without = |mut shipped: Bootstrap| {
        shipped.encode_raw_headers = false;
        shipped
    };
    let (answer, scene) = through(rules, without, request()).await;
    assert_eq!(answer.status, 200);
    let seen = scene.upstream.last_request().unwrap();
    assert_eq!(seen.values("x-tenant"), [b"acme\xff"]);
}

#[tokio::test]
async fn with_allowed_headers_look_alikes_of_claim_headers_reach_the_upstream() {
    let request = || good().header("x.jwt.org", "forged");
    let (answer, scene) = through("", |shipped| shipped, request()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        scene.upstream.last_request().unwrap().header("x.jwt.org"),
        None
    );
    let v3 = "transport_api_version: V3";
    let allowed = "allowed_headers: { patterns: [{ exact: authorization }] }";
    let with =
        |shipped: Bootstrap| shipped.change(v3, &format!("{v3}\n                      {allowed}"));
    let (answer, scene) = through("", with, request()).await;
    assert_eq!(answer.status, 200);
    let seen = scene.upstream.last_request().unwrap();
    assert_eq!(seen.header("x.jwt.org").as_deref(), Some("forged"));
}

#[tokio::test]
async fn with_clear_route_cache_a_token_selects_a_route_that_was_not_checked() {
    let tenant = [
        "match: { prefix: /, headers: [{ name: x-jwt-org, string_match: { exact: org_2001 } }] }, \
         route: { cluster: api, prefix_rewrite: /tenant/ }"
            .to_owned(),
    ];
    let (_, scene) = through("", |shipped| routes(shipped, &tenant), good()).await;
    assert_eq!(scene.upstream.last_request().unwrap().path, "/");
    let v3 = "transport_api_version: V3";
    let with = |shipped| {
        let clear = format!("{v3}\n                      clear_route_cache: true");
        routes(shipped, &tenant).change(v3, &clear)
    };
    let (_, scene) = through("", with, good()).await;
    assert_eq!(scene.upstream.last_request().unwrap().path, "/tenant/");
}

#[tokio::test]
async fn without_use_remote_address_a_client_chooses_its_source_address() {
    let request = || good().header("x-forwarded-for", "10.1.2.3");
    let (_, scene) = through("", |shipped| shipped, request()).await;
    let seen = scene.upstream.last_request().unwrap();
    let result = seen.header("x-forwarded-for").unwrap();
    // Envoy writes this machine's address for a loopback one.
    assert!(result.starts_with("10.1.2.3,"), "{result}");
    let without = |shipped: Bootstrap| {
        shipped.change("use_remote_address: true", "use_remote_address: false")
    };
    let (_, scene) = through("", without, request()).await;
    let seen = scene.upstream.last_request().unwrap();
    assert_eq!(seen.header("x-forwarded-for").as_deref(), Some("10.1.2.3"));
}

fn header(name: &str, value: &str) -> Vec<HeaderValueOption> {
    let (key, value) = (name.to_owned(), value.to_owned());
    vec![HeaderValueOption {
        header: Some(HeaderValue {
            key,
            value,
            ..HeaderValue::default()
        }),
        ..HeaderValueOption::default()
    }]
}

fn answer(code: i32, http_response: HttpResponse) -> CheckResponse {
    CheckResponse {
        status: Some(rpc::Status {
            code,
            ..rpc::Status::default()
        }),
        http_response: Some(http_response),
        ..CheckResponse::default()
    }
}

/// accredit makes no such answer. These settings protect against a defect, or against another program that answers.
#[tokio::test]
async fn without_validate_mutations_an_answer_can_inject_headers() {
    let denied = answer(
        16,
        HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus { code: 401 }),
            headers: header("x-reason", "a\r\nset-cookie: session=stolen"),
            ..DeniedHttpResponse::default()
        }),
    );
    let service = LyingService::start(denied).await;
    let asking = |change| Scene::asking(AuthzTarget::Tcp(service.address()), change);
    let scene = asking(|shipped: Bootstrap| shipped).await;
    let result = RawRequest::get("/").send(scene.envoy.address()).await;
    assert_eq!((result.status, result.header("set-cookie")), (500, None));
    let without: fn(Bootstrap) -> Bootstrap =
        |shipped| shipped.change("validate_mutations: true", "validate_mutations: false");
    let scene = Scene::asking(AuthzTarget::Tcp(service.address()), without).await;
    let result = RawRequest::get("/").send(scene.envoy.address()).await;
    assert_eq!(result.header("set-cookie"), Some("session=stolen"));
}

#[tokio::test]
async fn without_mutation_rules_an_answer_can_redirect_a_request() {
    let admitted = answer(
        0,
        HttpResponse::OkResponse(OkHttpResponse {
            headers: header("host", "internal.example"),
            ..OkHttpResponse::default()
        }),
    );
    let service = LyingService::start(admitted).await;
    let target = || AuthzTarget::Tcp(service.address());
    let scene = Scene::asking(target(), |shipped| shipped).await;
    let result = RawRequest::get("/").send(scene.envoy.address()).await;
    assert_eq!((result.status, scene.upstream.count()), (500, 0));
    let without = |shipped: Bootstrap| {
        let shipped = shipped.change("disallow_system: true", "disallow_system: false");
        shipped.change("disallow_is_error: true", "allow_all_routing: true")
    };
    let scene = Scene::asking(target(), without).await;
    let result = RawRequest::get("/").send(scene.envoy.address()).await;
    assert_eq!(result.status, 200);
    let seen = scene.upstream.last_request().unwrap();
    assert_eq!(seen.header("host").as_deref(), Some("internal.example"));
}
