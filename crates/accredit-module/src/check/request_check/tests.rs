//! A check that panics after it has admitted the request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use accredit_test_support::issuer::{Answer, KeyServer, Reply};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::token::Token;
use tokio::sync::Semaphore;

use super::{CheckAction, RequestCheck};
use crate::check::metadata::tests::RecordedStream;
use crate::process::configuration::FilterConfiguration;
use crate::process::module_process::ModuleProcess;
use crate::process::resumption::Resume;

/// Tells the test when the stream is to be resumed.
struct PanicsWhenDropped(Sender<()>);

impl Resume for PanicsWhenDropped {
    fn resume(&self) {
        // The test may have ended.
        let _ = self.0.send(());
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

/// After the admission, the check drops the wait that has ended, which panics here. The hook reports the panic and denies the request,
/// so that no later hook may let the body pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_after_an_admission_leaves_the_request_refused() {
    let process = ModuleProcess::of_a_test(false);
    let permits = Arc::new(Semaphore::new(0));
    let answer = Answer::of(200, set([rsa(0).jwk("k")]));
    let keys = KeyServer::with_keys(Reply::When(permits.clone(), answer)).await;
    let (issuer, uri) = (keys.url(""), keys.url("/keys"));
    let text = format!(
        "check_timeout: 20s\nissuers: [{{ issuer: '{issuer}', audiences: [api.test], jwks: {{ uri: '{uri}', timeout: 20s }} }}]\n"
    );
    let configuration = FilterConfiguration::start(&text, process).expect("is valid");
    let mut check = RequestCheck::new(configuration.active().clone(), process);
    let mut stream = RecordedStream::with_token(&Token::of(&issuer).signed(rsa(0)));
    let (sender, resumed) = channel();
    stream.resumption = Some(Box::new(PanicsWhenDropped(sender)));
    assert_eq!(check.request_headers(&mut stream), CheckAction::Hold);
    permits.add_permits(1);
    let waited = resumed.recv_timeout(Duration::from_secs(20));
    waited.expect("the keys come");
    let action = catch_unwind(AssertUnwindSafe(|| check.resumed(&mut stream)));
    assert!(action.is_err());
    assert!(!check.is_admitted());
    assert_eq!(check.resumed(&mut stream), None);
}
