//! The issuer over HTTP. The crate `jsonwebtoken` verifies its tokens.

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

mod lifecycle;
mod minting;
mod token_endpoint;

const GUIDE: &str = "grant_type=client_credentials&client_id=m2morg_1001\
    &client_secret=dev-secret-1001&scope=openid%20profile%20email";

/// A serving issuer. It stops when it is dropped, or on `stop`.
struct RunningIssuer {
    issuer: String,
    address: SocketAddr,
    minter: Minter,
    http: reqwest::Client,
    stop: oneshot::Sender<()>,
    tasks: JoinSet<io::Result<()>>,
}

impl RunningIssuer {
    async fn start() -> RunningIssuer {
        let dev = DevIssuer::bind("127.0.0.1:0".parse().expect("an address"))
            .await
            .expect("an issuer");
        let (stop, stopped) = oneshot::channel();
        let mut running = RunningIssuer {
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

    /// Verifies a token with the served key set. `None` if no key of the set signed it.
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

    /// A token from `/dev/token` with these overrides, and the whole answer.
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
