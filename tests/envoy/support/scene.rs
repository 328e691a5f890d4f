//! An Envoy with an authorization service and an API, and the results of requests through it.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::answers;
use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::client::{Answer, RawRequest};
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::service::Service;
use accredit_test_support::upstream::{EchoUpstream, Seen};

/// The three together. Requests go through it one after the other.
pub(crate) struct Scene {
    /// The proxy.
    pub(crate) envoy: EnvoyProcess,
    /// The API behind it.
    pub(crate) upstream: EchoUpstream,
    requests: AtomicUsize,
    // Dropped last, so that no Envoy calls it any more.
    accredit: Option<Service>,
}

/// What came of an admitted request.
pub(crate) struct Admitted {
    /// What the upstream saw.
    pub(crate) seen: Seen,
    /// The access log's line.
    pub(crate) log: Value,
}

impl Scene {
    /// The shipped Envoy in front of this service.
    pub(crate) async fn start(accredit: Service) -> Self {
        Self::start_with(accredit, |bootstrap| bootstrap).await
    }

    /// An Envoy that a test has changed in front of this service.
    pub(crate) async fn start_with(
        accredit: Service,
        change: impl FnOnce(Bootstrap) -> Bootstrap,
    ) -> Self {
        let mut scene = Self::asking(accredit.target(), change).await;
        scene.accredit = Some(accredit);
        scene
    }

    /// An Envoy with a changed configuration and another authorization service.
    pub(crate) async fn asking(
        target: AuthzTarget,
        change: impl FnOnce(Bootstrap) -> Bootstrap,
    ) -> Self {
        let upstream = EchoUpstream::start().await;
        let bootstrap = change(Bootstrap::new(target, upstream.address()));
        Self {
            envoy: EnvoyProcess::start(&bootstrap).await,
            upstream,
            requests: AtomicUsize::new(0),
            accredit: None,
        }
    }

    /// The service behind Envoy, where it is a whole one.
    pub(crate) fn accredit(&self) -> &Service {
        self.accredit.as_ref().unwrap()
    }

    /// Sends a request that must be admitted.
    pub(crate) async fn admitted(&self, request: RawRequest) -> Admitted {
        let before = self.upstream.count();
        let answer = request.send(self.envoy.address()).await;
        self.judge_admission(&answer, before).await
    }

    /// Checks the answer to the single request since the upstream's count was `seen`.
    pub(crate) async fn judge_admission(&self, answer: &Answer, before: usize) -> Admitted {
        let log = self.next_log().await;
        assert_eq!(answer.status, 200, "{answer:?} {log}");
        assert_eq!(self.upstream.count(), before + 1);
        assert_eq!(
            json!([log["decision"], log["reason"], log["rule"]]),
            json!(["allow", "allowed", "default"])
        );
        let seen = self.upstream.last_request().unwrap();
        Admitted { seen, log }
    }

    /// Sends a request that must be refused for this reason, and never reach the upstream. Returns the
    /// seconds of `retry-after`, if the refusal has one.
    pub(crate) async fn refused(&self, request: RawRequest, reason: &str) -> Option<u64> {
        let before = self.upstream.count();
        let answer = request.send(self.envoy.address()).await;
        self.judge_refusal(&answer, before, reason).await
    }

    /// Checks the answer to the single request since the upstream's count was `seen`.
    pub(crate) async fn judge_refusal(
        &self,
        answer: &Answer,
        before: usize,
        reason: &str,
    ) -> Option<u64> {
        let log = self.next_log().await;
        assert_eq!(self.upstream.count(), before, "reached the upstream: {log}");
        assert_eq!(
            json!([log["decision"], log["reason"], log["rule"]]),
            json!(["deny", reason, "default"]),
            "{answer:?} {log}"
        );
        assert_eq!(
            json!([log["status_details"], log["flags"], log["upstream"]]),
            json!(["ext_authz_denied", "UAEX", null]),
        );
        answers::judge(answer, reason)
    }

    /// The access log's line of the next request.
    pub(crate) async fn next_log(&self) -> Value {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        self.envoy.access_log(number + 1).await[number].clone()
    }
}
