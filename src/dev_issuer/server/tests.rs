//! The issuer over real HTTP, its tokens judged by a library of others.

use std::collections::HashSet;

use jsonwebtoken::{
    Algorithm, DecodingKey, TokenData, Validation, decode, decode_header, jwk::JwkSet,
};
use reqwest::header::{CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use super::*;

const GUIDE: &str = "grant_type=client_credentials&client_id=m2morg_1001\
    &client_secret=dev-secret-1001&scope=openid%20profile%20email";

/// An issuer that serves, until it is dropped or told to stop.
struct Running {
    issuer: String,
    address: SocketAddr,
    minter: Minter,
    http: reqwest::Client,
    stop: oneshot::Sender<()>,
    tasks: JoinSet<io::Result<()>>,
}

impl Running {
    async fn start() -> Running {
        let dev = DevIssuer::bind("127.0.0.1:0".parse().expect("an address"))
            .await
            .expect("an issuer");
        let (stop, stopped) = oneshot::channel();
        let mut running = Running {
            issuer: dev.issuer(),
            address: dev.local_addr(),
            minter: dev.minter(),
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
            stop,
            tasks: JoinSet::new(),
        };
        running.tasks.spawn(dev.serve(async {
            let _ = stopped.await;
        }));
        running
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, Value) {
        answer(self.http.get(format!("{}{path}", self.issuer))).await
    }

    async fn form(&self, body: &str) -> (StatusCode, HeaderMap, Value) {
        let request = self.http.post(format!("{}/oauth/token", self.issuer));
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        answer(request.body(body.to_owned())).await
    }

    async fn post(&self, path: &str, body: &str) -> (StatusCode, HeaderMap, Value) {
        let request = self.http.post(format!("{}{path}", self.issuer));
        answer(request.body(body.to_owned())).await
    }

    /// What the served keys say of a token: its header and claims, if one of them signed it.
    async fn verify(&self, token: &str) -> Option<TokenData<Value>> {
        let (_, _, served) = self.get("/keys").await;
        let served: JwkSet = serde_json::from_value(served).expect("a key set");
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims = HashSet::new();
        served.keys.iter().find_map(|jwk| {
            let key = DecodingKey::from_jwk(jwk).expect("a usable key");
            decode(token, &key, &validation).ok()
        })
    }

    /// The token of `/dev/token` for these overrides, with the whole answer.
    async fn minted(&self, overrides: Value) -> (String, Value) {
        let (status, _, body) = self.post("/dev/token", &overrides.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        (text(&body, "access_token"), body)
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, HeaderMap, Value) {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.expect("a body");
    (
        status,
        headers,
        serde_json::from_slice(&body).unwrap_or(Value::Null),
    )
}

fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().expect(member).to_owned()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test]
async fn the_guides_request_gets_a_token_of_the_guides_shape() {
    let dev = Running::start().await;
    let (status, headers, body) = dev.form(GUIDE).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(header(&headers, "cache-control"), "no-store");
    assert_eq!(header(&headers, "pragma"), "no-cache");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 86_399);
    assert_eq!(body["scope"], "deploy:applications read:deployments");

    let TokenData { header, claims, .. } = dev
        .verify(&text(&body, "access_token"))
        .await
        .expect("a signature that holds");
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let kid = header.kid.expect("a kid");
    let digits = kid.strip_prefix("snk_").expect("the prefix");
    assert!(
        digits.len() == 17 && digits.bytes().all(|byte| byte.is_ascii_digit()),
        "{kid}"
    );
    let issued_at = claims["iat"].as_u64().expect("iat");
    assert_eq!(
        claims,
        json!({
            "iss": dev.issuer,
            "sub": "m2morg_1001",
            "client_id": "m2morg_1001",
            "oid": "org_2001",
            "aud": ["api.acme.example"],
            "scopes": ["deploy:applications", "read:deployments"],
            "custom_claims": {"environment": "production_us"},
            "jti": claims["jti"],
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + 86_400,
        })
    );
    let (_, _, next) = dev.form(GUIDE).await;
    let next = dev
        .verify(&text(&next, "access_token"))
        .await
        .expect("a token");
    assert_ne!(claims["jti"], next.claims["jti"]);
}

#[tokio::test]
async fn the_second_clients_tokens_have_no_audience() {
    let dev = Running::start().await;
    let request = dev.http.post(format!("{}/oauth/token", dev.issuer));
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.basic_auth("m2morg_1002", Some("dev-secret-1002"));
    let (status, _, body) = answer(request.body("grant_type=client_credentials")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["scope"], "read:deployments");
    let claims = dev
        .verify(&text(&body, "access_token"))
        .await
        .expect("a token")
        .claims;
    assert_eq!(claims.get("aud"), None);
    assert_eq!(claims["sub"], "m2morg_1002");
    assert_eq!(claims["oid"], "org_2002");
    assert_eq!(claims["custom_claims"], json!({}));
}

#[tokio::test]
async fn errors_are_those_of_rfc_6749() {
    let dev = Running::start().await;
    let client = "client_id=m2morg_1001&client_secret=dev-secret-1001";
    let large = format!("{GUIDE}&padding={}", "x".repeat(BODY_LIMIT));
    for (body, status, error) in [
        (
            "grant_type=client_credentials&client_id=m2morg_1001&client_secret=x",
            401,
            "invalid_client",
        ),
        (client, 400, "invalid_request"),
        (&format!("{GUIDE}&scope=openid"), 400, "invalid_request"),
        (
            &format!("{client}&grant_type=password"),
            400,
            "unsupported_grant_type",
        ),
        (
            &format!("{client}&grant_type=client_credentials&scope=admin"),
            400,
            "invalid_scope",
        ),
        (&large, 413, "invalid_request"),
    ] {
        let (got, headers, answer) = dev.form(body).await;
        assert_eq!(got.as_u16(), status, "{answer}");
        assert_eq!(answer["error"], error);
        assert!(answer["error_description"].is_string());
        assert_eq!(header(&headers, "content-type"), "application/json");
        assert_eq!(header(&headers, "cache-control"), "no-store");
        assert_eq!(header(&headers, "pragma"), "no-cache");
        assert!(!headers.contains_key(WWW_AUTHENTICATE));
    }
    let (status, headers, body) = dev.post("/oauth/token", GUIDE).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (400, &json!("invalid_request"))
    );
    assert_eq!(header(&headers, "cache-control"), "no-store");
    let (status, ..) = dev.get("/oauth/token").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn who_used_basic_is_challenged_with_basic() {
    let dev = Running::start().await;
    let request = dev.http.post(format!("{}/oauth/token", dev.issuer));
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.basic_auth("m2morg_1001", Some("wrong"));
    let (status, headers, body) = answer(request.body("grant_type=client_credentials")).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (401, &json!("invalid_client"))
    );
    assert_eq!(
        header(&headers, "www-authenticate"),
        "Basic realm=\"accredit dev\""
    );
}

#[tokio::test]
async fn the_issuer_is_found_in_both_forms() {
    let dev = Running::start().await;
    assert_eq!(
        dev.issuer,
        format!("http://127.0.0.1:{}", dev.address.port())
    );
    let (_, _, openid) = dev.get("/.well-known/openid-configuration").await;
    let (_, _, oauth) = dev.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(openid, oauth);
    assert_eq!(openid["issuer"], dev.issuer);
    assert_eq!(
        openid["token_endpoint"],
        format!("{}/oauth/token", dev.issuer)
    );
    assert_eq!(openid["jwks_uri"], format!("{}/keys", dev.issuer));
    assert_eq!(
        openid["grant_types_supported"],
        json!(["client_credentials"])
    );
    assert_eq!(openid["response_types_supported"], json!([]));

    let (_, headers, keys) = dev.get("/keys").await;
    assert_eq!(header(&headers, "cache-control"), "max-age=60");
    assert_eq!(keys, dev.minter.key_set());
    let [key] = keys["keys"].as_array().expect("keys").as_slice() else {
        panic!("one key: {keys}");
    };
    let members: HashSet<&str> = key
        .as_object()
        .expect("a key")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        members,
        HashSet::from(["use", "kty", "kid", "alg", "n", "e"])
    );
    assert_eq!(
        (&key["use"], &key["kty"], &key["alg"]),
        (&json!("sig"), &json!("RSA"), &json!("RS256"))
    );
}

#[tokio::test]
async fn claims_are_overridden_and_removed() {
    let dev = Running::start().await;
    let (token, body) = dev
        .minted(json!({"sub": "someone", "aud": null, "exp": null, "scopes": ["a", "b"], "n": {"m": 1.5}}))
        .await;
    let claims = dev
        .verify(&token)
        .await
        .expect("a signature that holds")
        .claims;
    assert_eq!(claims["sub"], "someone");
    assert_eq!(claims["client_id"], "m2morg_1001");
    assert_eq!(claims["n"], json!({"m": 1.5}));
    assert_eq!((claims.get("aud"), claims.get("exp")), (None, None));
    assert_eq!(
        (&body["scope"], body.get("expires_in")),
        (&json!("a b"), None)
    );

    let (token, body) = dev.minted(json!({"client_id": "m2morg_1002"})).await;
    let claims = dev.verify(&token).await.expect("a token").claims;
    assert_eq!(
        (&claims["sub"], claims.get("aud")),
        (&json!("m2morg_1002"), None)
    );
    assert_eq!(
        (&body["expires_in"], &body["token_type"]),
        (&json!(86_399), &json!("Bearer"))
    );
}

#[tokio::test]
async fn the_switches_bend_a_token() {
    let dev = Running::start().await;
    let (plain, _) = dev.minted(json!({"expired": false, "forged": false})).await;
    let plain = dev.verify(&plain).await.expect("a token");

    let (token, body) = dev.minted(json!({"expired": true})).await;
    let claims = dev.verify(&token).await.expect("a token").claims;
    let seconds = |claims: &Value, name: &str| claims[name].as_u64().expect("seconds");
    assert!(seconds(&claims, "exp") + 3_600 - seconds(&plain.claims, "iat") < 60);
    assert_eq!(seconds(&claims, "exp") - seconds(&claims, "iat"), 86_400);
    assert_eq!(
        (&claims["nbf"], &body["expires_in"]),
        (&claims["iat"], &json!(0))
    );
    assert_eq!(claims.get("expired"), None);

    let (token, _) = dev.minted(json!({"forged": true})).await;
    assert!(dev.verify(&token).await.is_none());
    assert_eq!(
        decode_header(&token).expect("a header").kid,
        plain.header.kid
    );
    let length = |token: &str| token.rsplit('.').next().map(str::len);
    assert_eq!(length(&token), Some(342), "2048 bits");

    for kid in [json!("snk_1"), Value::Null] {
        let (token, _) = dev.minted(json!({ "kid": kid })).await;
        let header = dev.verify(&token).await.expect("a token").header;
        assert_eq!(header.kid.as_deref(), kid.as_str());
    }
}

#[tokio::test]
async fn what_cannot_be_minted_is_an_invalid_request() {
    let dev = Running::start().await;
    for body in [
        "",
        "[]",
        "null",
        "{",
        r#"{"forged": 1}"#,
        r#"{"expired": "true"}"#,
        r#"{"kid": 7}"#,
    ] {
        let (status, _, answer) = dev.post("/dev/token", body).await;
        assert_eq!(
            (status.as_u16(), &answer["error"]),
            (400, &json!("invalid_request")),
            "{body}"
        );
    }
}

#[tokio::test]
async fn rotation_replaces_the_key() {
    let dev = Running::start().await;
    let token = dev.minter.client_token("m2morg_1001").expect("a token");
    assert!(dev.verify(&token).await.is_some());
    assert_eq!(dev.minter.client_token("m2morg_1003"), None);

    let (status, _, body) = dev.post("/dev/rotate", "").await;
    assert_eq!(status, StatusCode::OK);
    let (_, _, keys) = dev.get("/keys").await;
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(keys["keys"][0]["kid"], body["kid"]);
    assert!(dev.verify(&token).await.is_none());
    let token = dev.minter.client_token("m2morg_1001").expect("a token");
    let verified = dev.verify(&token).await.expect("a token");
    assert_eq!(verified.header.kid.as_deref(), body["kid"].as_str());

    let kid = dev.minter.rotate();
    assert_ne!(body["kid"], kid);
    assert_eq!(dev.minter.key_set()["keys"][0]["kid"], kid);
}

#[tokio::test]
async fn only_loopback_is_served() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:127.0.0.1]:0"] {
        let bound = DevIssuer::bind(address.parse().expect("an address")).await;
        assert!(matches!(bound, Err(BindError::NotLoopback(_))), "{address}");
    }
    let dev = Running::start().await;
    let taken = DevIssuer::bind(dev.address).await;
    assert!(matches!(taken, Err(BindError::Bind(address, _)) if address == dev.address));

    for (host, expected) in [("attacker.example", 403), ("localhost:9193", 200)] {
        let request = dev
            .http
            .get(format!("{}/keys", dev.issuer))
            .header(HOST, host);
        let (status, ..) = answer(request).await;
        assert_eq!(status.as_u16(), expected, "{host}");
    }
}

#[tokio::test]
async fn an_open_request_is_finished_and_then_it_stops() {
    let mut dev = Running::start().await;
    let mut stream = TcpStream::connect(dev.address).await.expect("a connection");
    let head = format!(
        "POST /dev/token HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    // The interim answer is sent once the handler wants the body: the request is open.
    let mut interim = [0; 25];
    stream
        .read_exact(&mut interim)
        .await
        .expect("an interim answer");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");

    dev.stop.send(()).expect("a server that listens");
    stream.write_all(b"{}").await.expect("sent");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("an answer");
    assert!(rest.starts_with("HTTP/1.1 200 OK"), "{rest}");
    let ended = dev.tasks.join_next().await.expect("a task");
    assert!(ended.expect("no panic").is_ok());
    assert!(TcpStream::connect(dev.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_it() {
    let mut dev = Running::start().await;
    let mut stream = TcpStream::connect(dev.address).await.expect("a connection");
    let head = "POST /dev/token HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut interim = [0; 25];
    stream
        .read_exact(&mut interim)
        .await
        .expect("an interim answer");

    dev.stop.send(()).expect("a server that listens");
    let ended = dev.tasks.join_next().await.expect("a task");
    assert!(ended.expect("no panic").is_ok());
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("an answer");
    assert!(rest.starts_with("HTTP/1.1 503"), "{rest}");
}

#[tokio::test]
async fn nothing_secret_prints() {
    let dev = DevIssuer::bind("[::1]:0".parse().expect("an address")).await;
    let dev = dev.expect("an issuer");
    assert_eq!(
        dev.issuer(),
        format!("http://[::1]:{}", dev.local_addr().port())
    );
    let printed = format!("{dev:?} {:?}", dev.minter());
    assert!(printed.contains(&dev.issuer()), "{printed}");
    assert!(
        !printed.contains("secret") && !printed.contains("KeyPair"),
        "{printed}"
    );
}
