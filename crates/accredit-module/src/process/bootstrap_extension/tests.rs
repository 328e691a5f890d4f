//! What holds Envoy's readiness, and a panic when metrics are due.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use accredit_test_support::issuer::{KeyServer, Reply};

use super::{BootstrapExtension, METRICS_INTERVAL};
use crate::process::configuration::FilterConfiguration;
use crate::process::module_process::ModuleProcess;
use crate::process::resumption::{Resume, SharedResumption};

struct Resumed(Sender<()>);

impl Resume for Resumed {
    fn resume(&self) {
        // The test may have ended.
        let _ = self.0.send(());
    }
}

fn resumption() -> (SharedResumption, Receiver<()>) {
    let (sender, resumed) = channel();
    (SharedResumption::new(Box::new(Resumed(sender))), resumed)
}

/// Its keys would never come, and Envoy would not listen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_envoy_removes_does_not_hold_its_readiness() {
    let process = ModuleProcess::of_a_test(false);
    let keys = KeyServer::with_keys(Reply::Hang).await;
    let (issuer, uri) = (keys.url(""), keys.url("/keys"));
    let text = format!(
        "issuers: [{{ issuer: '{issuer}', audiences: [b], jwks: {{ uri: '{uri}', timeout: 60s }} }}]\n"
    );
    let configuration = FilterConfiguration::start(&text, process).expect("is valid");
    let ((ready, resumed), (metrics, _)) = (resumption(), resumption());
    let extension = BootstrapExtension::new(None, ready, metrics);
    extension.start(process);
    keys.wait_for_requests("/keys", 1).await;
    assert_eq!(resumed.try_recv(), Err(TryRecvError::Empty));
    drop(configuration);
    let waited = resumed.recv_timeout(Duration::from_secs(20));
    waited.expect("nothing is awaited any more");
    drop(extension);
}

/// Counts the calls. The first one panics.
struct PanicsOnce(Arc<AtomicUsize>);

impl Resume for PanicsOnce {
    fn resume(&self) {
        let earlier = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(earlier > 0, "on purpose");
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_are_due_again_after_a_panic() {
    let calls: Arc<AtomicUsize> = Arc::default();
    let metrics = SharedResumption::new(Box::new(PanicsOnce(calls.clone())));
    let (ready, _resumed) = resumption();
    let extension = BootstrapExtension::new(None, ready, metrics);
    extension.start(ModuleProcess::of_a_test(false));
    let calls_after = async |time: Duration| {
        tokio::time::sleep(time).await;
        calls.load(Ordering::Relaxed)
    };
    assert_eq!(
        calls_after(METRICS_INTERVAL + METRICS_INTERVAL / 2).await,
        1
    );
    // The task begins again after a delay, and then keeps its interval.
    let before = calls_after(4 * METRICS_INTERVAL).await;
    assert!(before > 1, "{before} calls");
    assert_eq!(calls_after(2 * METRICS_INTERVAL).await, before + 2);
    drop(extension);
    assert_eq!(calls_after(2 * METRICS_INTERVAL).await, before + 2);
}
