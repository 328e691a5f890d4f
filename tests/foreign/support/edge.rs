//! accredit and a real Envoy in front of an API that records its requests.

use serde_json::Value;

use super::accredit::Accredit;
use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::client::{Answer, RawRequest};
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::upstream::{EchoUpstream, Seen};

/// All three, running.
pub(crate) struct Edge {
    envoy: EnvoyProcess,
    upstream: EchoUpstream,
    _accredit: Accredit,
}

impl Edge {
    /// Starts them, with these entries as accredit's issuers.
    pub(crate) async fn start(issuers: &[Value]) -> Self {
        Self::start_with_rules(issuers, &[]).await
    }

    /// The same, with rules.
    pub(crate) async fn start_with_rules(issuers: &[Value], rules: &[Value]) -> Self {
        let (issuers, rules) = (Value::from(issuers), Value::from(rules));
        // JSON is YAML.
        let accredit = Accredit::serve(&format!("issuers: {issuers}\nrules: {rules}\n")).await;
        let upstream = EchoUpstream::start().await;
        let target = AuthzTarget::Tcp(accredit.checks());
        let envoy = EnvoyProcess::start(&Bootstrap::new(target, upstream.address())).await;
        Self {
            envoy,
            upstream,
            _accredit: accredit,
        }
    }

    /// This request.
    pub(crate) async fn send(&self, request: RawRequest) -> Answer {
        request.send(self.envoy.address()).await
    }

    /// A request with this token.
    pub(crate) async fn request(&self, token: &str) -> Answer {
        self.ask_for("/api/data", token).await
    }

    /// A request for this path.
    pub(crate) async fn ask_for(&self, path: &str, token: &str) -> Answer {
        RawRequest::get(path)
            .bearer(token)
            .send(self.envoy.address())
            .await
    }

    /// The latest request that was let through.
    pub(crate) fn last_seen(&self) -> Seen {
        self.upstream
            .last_request()
            .expect("nothing was let through")
    }

    /// Waits for this number of decisions, and returns their reasons.
    pub(crate) async fn reasons(&self, count: usize) -> Vec<String> {
        let lines = self.envoy.access_log(count).await;
        lines
            .iter()
            .map(|line| line["reason"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}
