//! What holds Envoy's readiness.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use accredit_test_support::issuer::{KeyServer, Reply};

use super::BootstrapExtension;
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
