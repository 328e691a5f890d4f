//! The shipped configurations by themselves, with nobody at accredit's address.

use std::path::PathBuf;

use super::support::bootstrap::{AuthzTarget, Bootstrap, shipped};
use super::support::certificates::{Authority, GATEWAY, Secret};
use super::support::client::RawRequest;
use super::support::envoy::{EnvoyProcess, validate};
use super::support::ports::free_address;
use super::support::upstream::EchoUpstream;

#[tokio::test]
async fn envoy_admits_nobody_while_the_service_is_away() {
    let upstream = EchoUpstream::start().await;
    let bootstrap = Bootstrap::new(AuthzTarget::Tcp(free_address()), upstream.address());
    let envoy = EnvoyProcess::start(&bootstrap).await;

    let answer = RawRequest::get("/api/data?access_token=secret")
        .send(envoy.address())
        .await;

    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("content-length"), Some("0"));
    assert_eq!(answer.text(), "");
    assert_eq!(upstream.count(), 0);
    let access_log = envoy.access_log(1).await;
    assert_eq!(access_log.len(), 1);
    assert_eq!(access_log[0]["path"], "/api/data");
    assert_eq!(access_log[0]["flags"], "UAEX");
    assert_eq!(access_log[0]["status_details"], "ext_authz_error");
}

#[tokio::test]
async fn a_failing_open_envoy_still_removes_claim_headers() {
    let upstream = EchoUpstream::start().await;
    let nobody = AuthzTarget::Unix(PathBuf::from("/nonexistent/accredit.sock"));
    let mut bootstrap = Bootstrap::new(nobody, upstream.address());
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
async fn every_switch_of_the_harness_is_a_valid_configuration() {
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

#[test]
fn the_shipped_configurations_are_valid() {
    for name in ["envoy.yaml", "envoy-unix.yaml"] {
        assert_eq!(validate(&shipped(name)), Ok(()), "{name}");
    }
    // This one names files, which have to be there.
    let authority = Authority::new();
    let secret = Secret::new(&authority.certify(GATEWAY), authority.pem());
    let folder = secret.as_envoys();
    let moved = format!("{}/", folder.path().display());
    let secured = shipped("envoy-mtls.yaml").replace("/etc/envoy/", &moved);
    assert_eq!(validate(&secured), Ok(()));
    assert!(validate(&shipped("envoy.yaml").replace("normalize_path", "normalise_path")).is_err());
}

#[test]
fn mutual_tls_differs_in_the_transport_socket_alone() {
    let (plain, secured) = (shipped("envoy.yaml"), shipped("envoy-mtls.yaml"));
    let body = |text: &str| text[text.find("static_resources:").unwrap()..].to_owned();
    let secured = body(&secured);
    let begins = secured.find("      transport_socket:\n").unwrap();
    let ends = secured
        .find("      load_assignment:\n        cluster_name: accredit\n")
        .unwrap();
    assert_eq!(
        body(&plain),
        format!("{}{}", &secured[..begins], &secured[ends..])
    );
}

#[test]
fn the_shipped_configurations_differ_in_the_address_alone() {
    let body = |name| {
        let text = shipped(name);
        text[text.find("static_resources:").unwrap()..].to_owned()
    };
    let tcp = "socket_address: { address: 127.0.0.1, port_value: 9191 }";
    let unix = "pipe: { path: /run/accredit/accredit.sock }";
    assert_eq!(
        body("envoy.yaml").replacen(tcp, unix, 1),
        body("envoy-unix.yaml")
    );
}
