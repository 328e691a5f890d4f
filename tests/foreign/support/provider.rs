//! npm oidc-provider as an issuer of access tokens, with keys of three kinds.

use serde_json::{Value, json};
use tokio::process::Command;

use super::http::{post, request_token};
use super::program::Program;
use super::scripts::{node, serve};

/// Whom its tokens are meant for, unless a test asks for others.
pub(crate) const AUDIENCE: &str = "api.example";

/// The algorithms it signs with.
pub(crate) const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

/// A running provider.
pub(crate) struct Provider {
    issuer: String,
    _program: Program,
}

impl Provider {
    /// Starts it with keys of its own.
    pub(crate) async fn start() -> Self {
        let (program, issuer) = serve("oidc-provider", node("issuer.js", &[])).await;
        Self {
            issuer,
            _program: program,
        }
    }

    /// What `iss` says.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An entry of accredit's configuration that leaves everything about keys to discovery.
    pub(crate) fn entry(&self, more: Value) -> Value {
        let mut entry = json!({
            "issuer": self.issuer,
            "audiences": [AUDIENCE],
            "algorithms": ALGORITHMS,
        });
        let more = more.as_object().cloned().unwrap_or_default();
        entry.as_object_mut().unwrap().extend(more);
        entry
    }

    /// A token by client credentials, for the resource `https://api.example/` and this.
    pub(crate) async fn token(&self, resource: &str) -> String {
        let resource = format!("https://api.example/{resource}");
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", "machine"),
            ("client_secret", "machine-secret"),
            ("scope", "read write"),
            ("resource", &resource),
        ];
        request_token(&format!("{}/oauth/token", self.issuer), &fields).await
    }

    /// Other keys, of these names; beside the old ones, or in their place.
    pub(crate) async fn change_keys(&self, name: &str, old: Old) {
        let kids = ALGORITHMS
            .map(|algorithm| (algorithm.to_owned(), format!("{name}-{algorithm}").into()));
        let body = json!({
            "kids": Value::Object(kids.into_iter().collect()),
            "keep": matches!(old, Old::Keep),
        });
        post(&format!("{}/test/keys", self.issuer), &body).await;
    }

    /// A script that gets a token of this issuer's.
    pub(crate) fn script(&self, name: &str) -> Command {
        node(name, &[&self.issuer])
    }
}

/// What becomes of the keys that were used until now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Old {
    /// They stay published.
    Keep,
    /// They are withdrawn.
    Withdraw,
}
