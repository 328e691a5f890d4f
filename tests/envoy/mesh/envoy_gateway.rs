//! The answers that were observed through Envoy Gateway.

use crate::support::config::{ACME, KID};
use accredit_test_support::client::RawRequest;
use accredit_test_support::http2_client::{Http2, request, whole};
use accredit_test_support::keys::rsa;
use accredit_test_support::token::Token;

use super::answers::{observe, recorded};
use super::generated::Mesh;

const FOLDER: &str = "envoy-gateway";

fn good() -> Token {
    Token::of_client(ACME, KID)
}

fn signed(token: &Token) -> String {
    token.signed(rsa(0))
}

/// The requests of the record, by their names there. Those that are named after a path are made from the name.
fn requests() -> Vec<(&'static str, RawRequest)> {
    let with = |path: &str| RawRequest::get(path).bearer(&signed(&good()));
    let of = |token: Token| RawRequest::get("/api/x").bearer(&signed(&token));
    let reader = good().claim("scopes", "read:other");
    let post = |path: &str, token: &Token| RawRequest::new("POST", path).bearer(&signed(token));
    let mut many = with("/api/x");
    for number in 0..101 {
        many = many.header(format!("x-number-{number}"), "1");
    }
    vec![
        ("no token", RawRequest::get("/api/x")),
        ("good", with("/api/x?y=1")),
        (
            "good, client request id",
            with("/api/x").header("x-request-id", "c2ca1d08-1db4-4043-80a6-954655256cc3"),
        ),
        ("wrong token", RawRequest::get("/api/x").bearer("garbage")),
        (
            "forged",
            RawRequest::get("/api/x").bearer(&good().signed(rsa(1))),
        ),
        ("expired", of(good().time("exp", -3600))),
        ("wrong aud", of(good().claim("aud", "other"))),
        (
            "spoof claim headers",
            of(good().without("oid"))
                .header("x-jwt-sub", "admin")
                .header("x-jwt-org", "admin"),
        ),
        (
            "spoof, anonymous rule",
            RawRequest::get("/public/a").header("x-jwt-sub", "admin"),
        ),
        (
            "spoof underscore",
            with("/api/x").header("x_jwt_sub", "admin"),
        ),
        ("spoof dot", with("/api/x").header("x.jwt.sub", "admin")),
        ("wrong scope", post("/deployments/1", &reader)),
        ("right scope", post("/deployments/1", &good())),
        ("context tier", with("/tier/a")),
        (
            "context tier, no scope",
            RawRequest::get("/tier/a").bearer(&signed(&reader)),
        ),
        (
            "preflight",
            RawRequest::new("OPTIONS", "/api/x")
                .header("origin", "https://app.acme.example")
                .header("access-control-request-method", "GET"),
        ),
        (
            "OPTIONS not preflight",
            RawRequest::new("OPTIONS", "/api/x"),
        ),
        (
            "big header 50K",
            with("/api/x").header("x-large", "a".repeat(50_000)),
        ),
        (
            "big header 70K",
            with("/api/x").header("x-large", "a".repeat(70_000)),
        ),
        (
            "token 20K",
            RawRequest::get("/api/x").bearer(&"a.".repeat(10_000)),
        ),
        ("101 headers", many),
        (
            "two authorization",
            with("/api/x").bearer(&signed(&good().claim("jti", "2"))),
        ),
        (
            "good, host with port",
            with("/api/x").host(Some(b"api.acme.example:443")),
        ),
        (
            "good, other host",
            with("/api/x").host(Some(b"other.acme.example")),
        ),
        (
            "post body 1MB",
            post("/api/x", &good()).body("a".repeat(1 << 20)),
        ),
    ]
}

#[tokio::test]
async fn envoy_gateway_answers_as_it_was_observed() {
    let mesh = Mesh::start(FOLDER, "base").await;
    answers_are_as_recorded(&mesh).await;
}

/// The settings of the component envoy-gateway-strict change no answer.
#[tokio::test]
async fn the_strict_settings_of_envoy_gateway_change_no_answer() {
    let mesh = Mesh::start(FOLDER, "patch").await;
    answers_are_as_recorded(&mesh).await;
}

async fn answers_are_as_recorded(mesh: &Mesh) {
    let mut recorded = recorded(FOLDER, "base.answers.txt");
    for (name, request) in requests() {
        let expected = recorded.remove(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(observe(mesh, request).await, expected, "{name}");
    }
    let token = signed(&good());
    let mut forms = 0;
    for (name, expected) in &recorded {
        let request = match (name.strip_prefix("path "), name.strip_prefix("anon path ")) {
            (Some("*"), _) => RawRequest::new("OPTIONS", "*").bearer(&token),
            (Some(path), _) => RawRequest::get(path).bearer(&token),
            (_, Some(path)) => RawRequest::get(path),
            _ => continue,
        };
        assert_eq!(&observe(mesh, request).await, expected, "{name}");
        forms += 1;
    }
    assert_eq!(forms, 25);
    recorded.retain(|name, _| !name.contains("path "));
    let left: Vec<_> = recorded.keys().map(String::as_str).collect();
    // Upgrades keep the connection open, and the gRPC request has a test of its own.
    assert_eq!(
        left,
        ["grpc no token", "websocket good", "websocket no token"]
    );
}

#[tokio::test]
async fn envoy_gateway_refuses_a_grpc_request_with_its_status() {
    let mesh = Mesh::start(FOLDER, "base").await;
    let client = Http2::connect(mesh.envoy.address()).await;
    let call = request("POST", "/pkg.Service/Method", None)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let (answer, _) = client.send(call.body(whole("")).unwrap()).await;
    assert_eq!(
        (answer.status, answer.header("grpc-status")),
        (200, Some("16"))
    );
}
