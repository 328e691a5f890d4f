//! `deploy/check.sh` tells whether a gateway asks accredit, and what other answers mean.

use std::net::SocketAddr;
use std::path::Path;

use tokio::process::Command;

use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::ports::free_address;
use accredit_test_support::upstream::EchoUpstream;

use super::generated::{Generated, Mesh};

/// Its exit status and what it prints.
async fn check(gateway: SocketAddr, path: &str) -> (Option<i32>, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/check.sh");
    let output = Command::new(script)
        .arg(format!("http://api.acme.example:{}{path}", gateway.port()))
        .arg("--resolve")
        .arg(format!("api.acme.example:{}:127.0.0.1", gateway.port()))
        .args(["--noproxy", "*"])
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text)
}

#[tokio::test]
async fn the_check_script_finds_no_fault_if_accredit_is_asked() {
    for (folder, name) in [("istio", "gateway"), ("envoy-gateway", "base")] {
        let mesh = Mesh::start(folder, name).await;
        let (status, text) = check(mesh.envoy.address(), "/api/x").await;
        assert_eq!(status, Some(0), "{folder}: {text}");
        assert_eq!(text.matches("ok ").count(), 3, "{text}");
    }
}

#[tokio::test]
async fn the_check_script_says_what_a_wrong_answer_means() {
    for (folder, name, path, meaning) in [
        (
            "istio",
            "gateway-unknown-provider",
            "/x",
            "Istio does not know the provider",
        ),
        (
            "istio",
            "gateway-custom-by-paths",
            "/other",
            "REACHED THE API UNCHECKED",
        ),
        ("istio", "gateway", "/public/a", "REACHED THE API UNCHECKED"),
        ("istio", "gateway", "/x;y", "ambiguous"),
        (
            "envoy-gateway",
            "route-cors-replaces",
            "/later",
            "REACHED THE API UNCHECKED",
        ),
        (
            "envoy-gateway",
            "base",
            "/admin",
            "a rule of accredit denies",
        ),
    ] {
        let mesh = Mesh::start(folder, name).await;
        let (status, text) = check(mesh.envoy.address(), path).await;
        assert_eq!(status, Some(1), "{name} {path}: {text}");
        assert!(text.contains(meaning), "{name} {path}: {text}");
    }
    let upstream = EchoUpstream::start().await;
    for (name, accredit, meaning) in [
        ("no-grant", &[][..], "missing ReferenceGrant"),
        // Nothing listens there.
        (
            "base",
            &[SocketAddr::from(([127, 0, 0, 1], 1))][..],
            "no answer from accredit",
        ),
    ] {
        let generated = Generated::read("envoy-gateway", name);
        let envoy = generated.at(accredit, upstream.address()).start().await;
        let (status, text) = check(envoy.address(), "/api/x").await;
        assert_eq!(status, Some(1), "{name}: {text}");
        assert!(text.contains(meaning), "{name}: {text}");
    }
}

#[tokio::test]
async fn the_check_script_tells_a_missing_accredit_from_one_that_cannot_decide() {
    let upstream = EchoUpstream::start().await;
    let nothing = AuthzTarget::Tcp(free_address());
    let envoy = EnvoyProcess::start(&Bootstrap::new(nothing, upstream.address())).await;
    let (status, text) = check(envoy.address(), "/api/x").await;
    assert_eq!(status, Some(1), "{text}");
    assert_eq!(text.matches("no answer from accredit").count(), 3, "{text}");
}
