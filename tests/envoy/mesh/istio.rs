//! The answers that were observed through an Istio gateway and a sidecar.

use crate::support::config::{ACME, KID};
use accredit_test_support::client::RawRequest;
use accredit_test_support::http2_client::{Http2, request, whole};
use accredit_test_support::keys::rsa;
use accredit_test_support::token::Token;

use super::answers::{observe, recorded};
use super::generated::{Mesh, text};

const FOLDER: &str = "istio";

fn good() -> Token {
    Token::of_client(ACME, KID)
}

fn signed(token: &Token) -> String {
    token.signed(rsa(0))
}

/// The requests of the record, by their names there.
fn requests() -> Vec<(&'static str, RawRequest)> {
    let with = |path: &str| RawRequest::get(path).bearer(&signed(&good()));
    let preflight = |path: &str, origin: &str| {
        RawRequest::new("OPTIONS", path)
            .header("origin", origin)
            .header("access-control-request-method", "GET")
    };
    let of = |token: Token| RawRequest::get("/x").bearer(&signed(&token));
    let two = RawRequest::get("/x").bearer(&signed(&good()));
    let mut many = with("/x");
    for number in 0..120 {
        many = many.header(format!("x-number-{number}"), "1");
    }
    let sized = |size: usize| with("/x").header("x-large", "a".repeat(size));
    vec![
        ("no token", RawRequest::get("/x")),
        ("good", with("/x")),
        ("garbage", RawRequest::get("/x").bearer("garbage")),
        (
            "forged",
            RawRequest::get("/x").bearer(&good().signed(rsa(1))),
        ),
        ("expired", of(good().time("exp", -3600))),
        ("wrong aud", of(good().claim("aud", "other"))),
        (
            "unknown issuer",
            of(good().claim("iss", "https://other.example")),
        ),
        (
            "spoofed claim header",
            with("/x").header("x-jwt-org", "acme"),
        ),
        (
            "public, spoofed x-jwt-org picks route?",
            RawRequest::get("/public/a").header("x-jwt-org", "acme"),
        ),
        (
            "no token, spoofed route header",
            RawRequest::get("/x").header("x-jwt-org", "acme"),
        ),
        (
            "failure-mode header",
            with("/x").header("x-envoy-auth-failure-mode-allowed", "true"),
        ),
        (
            "two authorization",
            two.bearer(&signed(&good().claim("jti", "2"))),
        ),
        ("preflight /cors", preflight("/cors", "https://app.example")),
        ("preflight /x", preflight("/x", "https://app.example")),
        (
            "preflight bad origin",
            preflight("/cors", "https://evil.example"),
        ),
        (
            "OPTIONS, no preflight",
            RawRequest::new("OPTIONS", "/cors").header("origin", "https://app.example"),
        ),
        (
            "CORS GET no token",
            RawRequest::get("/cors").header("origin", "https://app.example"),
        ),
        (
            "CORS GET token",
            with("/cors").header("origin", "https://app.example"),
        ),
        ("header of 8000", sized(8000)),
        ("header of 20000", sized(20000)),
        ("header of 50000", sized(50000)),
        ("header of 62000", sized(62000)),
        (
            "token of 50k",
            RawRequest::get("/x").bearer(&"a.".repeat(25000)),
        ),
        ("120 headers", many),
        ("HEAD no token", RawRequest::new("HEAD", "/x")),
    ]
}

/// Lines of the record that other tests repeat, or that only a client that keeps the connection could repeat.
const ELSEWHERE: [&str; 10] = [
    "ws no token",
    "ws token",
    "CONNECT",
    // The limit of Envoy is that of the whole header block, which the token is a part of.
    "header of 59000",
    "grpc no token",
    "accredit stopped (SIGSTOP)",
    "continued",
    "accredit killed",
    "killed, public",
    "killed, again",
];

#[tokio::test]
async fn a_gateway_answers_as_it_was_observed() {
    let mesh = Mesh::start(FOLDER, "gateway").await;
    let mut recorded = recorded(FOLDER, "gateway.answers.txt");
    recorded.retain(|name, _| !name.starts_with(['/', '*']) && !name.starts_with("http:"));
    for (name, request) in requests() {
        let expected = recorded.remove(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(observe(&mesh, request).await, expected, "{name}");
    }
    let left: Vec<_> = recorded.keys().map(String::as_str).collect();
    let mut elsewhere = ELSEWHERE;
    elsewhere.sort_unstable();
    assert_eq!(left, elsewhere, "lines of the record without a request");
}

/// Each path without a token, with a token, and with a token of the scope that `/admin` requires.
#[tokio::test]
async fn no_form_of_a_path_evades_the_rules_behind_a_gateway() {
    let mesh = Mesh::start(FOLDER, "gateway").await;
    let admin = good().claim("scopes", "admin:everything");
    let tokens = [
        ("none ", None),
        ("good ", Some(signed(&good()))),
        ("admin scope ", Some(signed(&admin))),
    ];
    let mut forms = 0;
    for line in text(FOLDER, "gateway.answers.txt").lines() {
        let Some((path, answers)) = line.split_once(" none ") else {
            continue;
        };
        let answers = format!("none {answers}");
        for (answer, (prefix, token)) in answers.split(" | ").zip(&tokens) {
            let answer = answer.strip_prefix(prefix).unwrap();
            let (status, rest) = answer.split_once(' ').unwrap_or((answer, ""));
            let mut request = RawRequest::get(path.trim_end());
            if let Some(token) = token {
                request = request.bearer(token);
            }
            let before = mesh.upstream.count();
            let now = request.send(mesh.envoy.address()).await;
            assert_eq!(now.status.to_string(), status, "{path} {prefix}");
            let reached = mesh.upstream.count() > before;
            assert_eq!(reached, status == "200", "{path} {prefix}");
            if reached && token.is_some() {
                assert_eq!(mesh.upstream.last_request().unwrap().path, rest, "{path}");
            }
        }
        forms += 1;
    }
    assert_eq!(forms, 23);
}

#[tokio::test]
async fn a_gateway_refuses_a_grpc_request_with_its_status() {
    let mesh = Mesh::start(FOLDER, "gateway").await;
    let client = Http2::connect(mesh.envoy.address()).await;
    let call = request("POST", "/pkg.Service/Method", None)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let (answer, trailers) = client.send(call.body(whole("")).unwrap()).await;
    let status = answer.header("grpc-status").map(str::to_owned);
    let status = status.or_else(|| Some(trailers.get("grpc-status")?.to_str().unwrap().to_owned()));
    assert_eq!((answer.status, status.as_deref()), (200, Some("16")));
}

#[tokio::test]
async fn a_sidecar_answers_as_it_was_observed() {
    let mesh = Mesh::start(FOLDER, "sidecar-inbound").await;
    let text = text(FOLDER, "sidecar-inbound.answers.txt");
    // The second part of the record is about a Sidecar resource that hides accredit.
    let first = text.split("=====").nth(1).unwrap();
    let token = signed(&good());
    let expected: Vec<&str> = first
        .lines()
        .skip(1)
        .filter_map(|line| {
            line.split_whitespace()
                .find(|word| word.len() == 3 && word.parse::<u16>().is_ok())
        })
        .collect();
    let requests = [
        RawRequest::get("/x"),
        RawRequest::get("/x").bearer(&token),
        RawRequest::get("/x")
            .bearer(&token)
            .header("x-jwt-sub", "admin"),
        RawRequest::get("/public/../x"),
        RawRequest::get("/a%2fb").bearer(&token),
        RawRequest::get("//admin").bearer(&token),
    ];
    for (request, status) in requests.into_iter().zip(&expected) {
        let answer = request.send(mesh.envoy.address()).await;
        assert_eq!(answer.status.to_string(), *status, "{}", answer.text());
        if answer.status == 200 {
            let seen = mesh.upstream.last_request().unwrap();
            assert_eq!(seen.header("x-jwt-sub").as_deref(), Some("m2morg_1001"));
            assert_eq!(seen.header("x-jwt-org").as_deref(), Some("org_2001"));
        }
    }
    assert_eq!(
        expected.len(),
        7,
        "the last line is about a killed accredit"
    );
}
