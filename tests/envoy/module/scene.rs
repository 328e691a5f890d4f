//! An Envoy with the module and an API, and the results of requests through it.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::answers;
use accredit_test_support::client::{Answer, RawRequest};
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::http_get::get;
use accredit_test_support::module::ModuleBootstrap;
use accredit_test_support::upstream::{EchoUpstream, Seen};

/// Both together. Requests go through Envoy one after the other.
pub(super) struct ModuleScene {
    pub(super) envoy: EnvoyProcess,
    pub(super) upstream: EchoUpstream,
    pub(super) bootstrap: ModuleBootstrap,
    requests: AtomicUsize,
}

impl ModuleScene {
    /// The shipped Envoy of this version, whose filter has this configuration.
    pub(super) async fn start(version: &'static str, config: &str) -> ModuleScene {
        ModuleScene::start_with(version, config, |bootstrap| bootstrap).await
    }

    /// The same with an Envoy that a test has changed.
    pub(super) async fn start_with(
        version: &'static str,
        config: &str,
        change: impl FnOnce(ModuleBootstrap) -> ModuleBootstrap,
    ) -> ModuleScene {
        let upstream = EchoUpstream::start().await;
        let bootstrap = ModuleBootstrap::new(config, upstream.address()).of_version(version);
        let bootstrap = change(bootstrap);
        ModuleScene {
            envoy: bootstrap.start().await,
            upstream,
            bootstrap,
            requests: AtomicUsize::new(0),
        }
    }

    /// Sends a request that must be admitted. Returns what the upstream saw.
    pub(super) async fn admitted(&self, request: RawRequest) -> Seen {
        let before = self.upstream.count();
        let answer = request.send(self.envoy.address()).await;
        let log = self.next_log().await;
        assert_eq!(answer.status, 200, "{answer:?} {log}");
        assert_eq!(self.upstream.count(), before + 1);
        assert_eq!(log["decision"], "allow", "{log}");
        self.upstream.last_request().unwrap()
    }

    /// Sends a request that must be refused for this reason, and never reach the upstream.
    pub(super) async fn refused(&self, request: RawRequest, reason: &str) -> Option<u64> {
        let before = self.upstream.count();
        let answer = request.send(self.envoy.address()).await;
        self.judge_refusal(&answer, before, reason).await
    }

    /// Checks the answer to the single request since the upstream's count was `before`.
    pub(super) async fn judge_refusal(
        &self,
        answer: &Answer,
        before: usize,
        reason: &str,
    ) -> Option<u64> {
        let log = self.next_log().await;
        assert_eq!(self.upstream.count(), before, "reached the upstream: {log}");
        let details = format!("accredit_denied[{reason}]");
        assert_eq!(
            json!([log["decision"], log["reason"], log["status_details"]]),
            json!(["deny", reason, details]),
            "{answer:?} {log}"
        );
        answers::judge(answer, reason)
    }

    /// The access log's line of the next request.
    pub(super) async fn next_log(&self) -> Value {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        self.envoy.access_log(number + 1).await[number].clone()
    }

    /// A page of Envoy's admin.
    pub(super) async fn page(&self, path: &str) -> String {
        let (status, body) = get(self.bootstrap.admin, "localhost", path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The value of a counter of Envoy's statistics, by the end of its name; `None` if there is no such counter.
    pub(super) async fn counter(&self, name: &str) -> Option<u64> {
        let stats = self.page("/stats").await;
        let line = stats
            .lines()
            .find_map(|line| line.split_once(&format!("{name}: ")));
        line.map(|(_, value)| value.parse().unwrap())
    }
}
