//! An Envoy without accredit, and the switches of the test harness.

use std::path::PathBuf;

use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{EnvoyProcess, validate};
use accredit_test_support::ports::free_address;
use accredit_test_support::upstream::EchoUpstream;

#[tokio::test]
async fn envoy_refuses_every_request_while_accredit_is_down() {
    let upstream = EchoUpstream::start().await;
    let bootstrap = Bootstrap::new(AuthzTarget::Tcp(free_address()), upstream.address());
    let envoy = EnvoyProcess::start(&bootstrap).await;

    let answer = RawRequest::get("/api/data?access_token=secret")
        .send(envoy.address())
        .await;

    assert_eq!(answer.status, 503);
    let error = serde_json::json!({ "error": "Authorization service unreachable" });
    assert_eq!(answer.json(), error);
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("retry-after", "1"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert_eq!(upstream.count(), 0);
    let access_log = envoy.access_log(1).await;
    assert_eq!(access_log.len(), 1);
    assert_eq!(access_log[0]["path"], "/api/data");
    assert_eq!(access_log[0]["flags"], "UAEX");
    assert_eq!(access_log[0]["status_details"], "ext_authz_error");
}

#[tokio::test]
async fn an_envoy_with_failure_mode_allow_still_removes_claim_headers() {
    let upstream = EchoUpstream::start().await;
    let unreachable = AuthzTarget::Unix(PathBuf::from("/nonexistent/accredit.sock"));
    let mut bootstrap = Bootstrap::new(unreachable, upstream.address());
    bootstrap.failure_mode_allow = true;
    let envoy = EnvoyProcess::start(&bootstrap).await;

    let request = RawRequest::new("POST", "/api/data?x=1")
        .host(Some(b"other.example:8443"))
        .bearer("not-looked-at")
        .header("X-JWT-Sub", "admin")
        .header("x-jwt-sub", "root")
        .header("x-envoy-auth-failure-mode-allowed", "false")
        .header("x-odd", b"caf\xe9")
        .header("x-twice", "1")
        .header("x-twice", "2")
        .body("hello");
    let answer = request.send(envoy.address()).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["path"], "/api/data?x=1");
    let seen = upstream.last_request().unwrap();
    assert_eq!(
        (seen.method.as_str(), seen.path.as_str()),
        ("POST", "/api/data?x=1")
    );
    assert_eq!(seen.body, b"hello");
    assert_eq!(seen.header("host").as_deref(), Some("other.example:8443"));
    assert_eq!(
        seen.header("authorization").as_deref(),
        Some("Bearer not-looked-at")
    );
    assert_eq!(seen.header("x-jwt-sub"), None);
    assert_eq!(seen.values("x-odd"), [b"caf\xe9"]);
    assert_eq!(seen.values("x-twice"), [b"1", b"2"]);
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn envoy_accepts_every_variant_of_the_test_configuration() {
    let upstream = free_address();
    let targets = [
        AuthzTarget::Tcp(free_address()),
        AuthzTarget::Unix("/run/other.sock".into()),
    ];
    for target in targets {
        let mut bootstrap = Bootstrap::new(target, upstream);
        bootstrap.failure_mode_allow = true;
        bootstrap.encode_raw_headers = false;
        bootstrap.early_removal = false;
        bootstrap.underscores = true;
        let bootstrap = bootstrap.change("stat_prefix: api", "stat_prefix: another");
        let rendered = bootstrap.render();
        assert!(rendered.contains("stat_prefix: another"));
        assert_eq!(validate(&rendered), Ok(()));
    }
}
