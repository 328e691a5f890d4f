//! One API, protected in two ways over one issuer: by itself as Scalekit's guide has it, and by accredit and Envoy.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::Value;

use super::accredit::Accredit;
use super::http::post;
use super::program::Program;
use super::scripts::{answer, node, serve};
use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::client::{Answer, RawRequest};
use accredit_test_support::envoy::EnvoyProcess;

/// The audience of the API.
pub(crate) const AUDIENCE: &str = "api.acme.example";

/// The two ways, over one issuer.
pub(crate) struct TwoWays {
    issuer: String,
    in_the_api: SocketAddr,
    at_the_edge: EnvoyProcess,
    _running: (Accredit, Accredit, Program, Program),
}

/// Tokens with which libraries were confused about who signs with what.
#[derive(Deserialize)]
pub(crate) struct Confused {
    pub(crate) none: String,
    pub(crate) hs256: String,
}

impl TwoWays {
    /// Starts everything.
    pub(crate) async fn start() -> Self {
        let (dev, issuer) = Accredit::dev().await;
        let issuers = format!(
            "issuers: [{{ issuer: \"{issuer}\", jwks: {{ uri: \"{issuer}/keys\" }}, audiences: [{AUDIENCE}] }}]\n"
        );
        let guarded = node("guide_api.js", &["protected", &issuer, AUDIENCE]);
        let open = node("guide_api.js", &["open"]);
        let (checks, (guarded, in_the_api), (open, upstream)) = tokio::join!(
            Accredit::serve(&issuers),
            serve("the guide's API", guarded),
            serve("the API without protection", open)
        );
        let target = AuthzTarget::Tcp(checks.checks());
        let bootstrap = Bootstrap::new(target, address(&upstream));
        Self {
            issuer,
            in_the_api: address(&in_the_api),
            at_the_edge: EnvoyProcess::start(&bootstrap).await,
            _running: (dev, checks, guarded, open),
        }
    }

    /// One request, both ways.
    pub(crate) async fn request(&self, authorization: Option<&str>) -> (Answer, Answer) {
        let mut request = RawRequest::get("/api/data");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        tokio::join!(
            request.clone().send(self.in_the_api),
            request.send(self.at_the_edge.address())
        )
    }

    /// A token of the issuer's, with these claims and switches.
    pub(crate) async fn mint(&self, claims: Value) -> String {
        let answer = post(&format!("{}/dev/token", self.issuer), &claims).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Withdraws the issuer's key for another.
    pub(crate) async fn rotate(&self) {
        post(&format!("{}/dev/rotate", self.issuer), &Value::Null).await;
    }

    /// The forgeries of an attacker who knows the public key.
    pub(crate) async fn confuse(&self, token: &str) -> Confused {
        let keys = format!("{}/keys", self.issuer);
        answer("confuse.js", node("confuse.js", &[&keys, token])).await
    }
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// The header's value.
pub(crate) fn bearer(token: &str) -> Option<String> {
    Some(format!("Bearer {token}"))
}
