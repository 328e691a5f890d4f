//! A panic of the periodic work.

use std::time::Duration;

use accredit::observe::check_span::CheckSpan;
use accredit::observe::report::Disclosure;
use accredit_core::authz::denial::Denial;
use accredit_core::authz::record::DecisionRecord;
use accredit_test_support::panicking_log::PanickingLog;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{HOUSEKEEPING_INTERVAL, keep_house};
use crate::process::module_process::ModuleProcess;

/// Longer than the delay before a task that panicked begins again.
const RESTARTED: Duration = Duration::from_secs(6);

/// Reports more denials than the log has lines for in one second.
fn deny_too_often(process: &ModuleProcess) {
    let record = DecisionRecord::early(Denial::Internal);
    let check = CheckSpan::new(Instant::now(), None);
    for _ in 0..100 {
        let observer = process.observer();
        observer.report(&record, None, &check, &Disclosure::default());
    }
}

#[tokio::test(start_paused = true)]
async fn housekeeping_that_panics_begins_again() {
    let left_out = "denials left out of the log";
    let (log, _guard) = PanickingLog::panicking_at(left_out);
    let process = ModuleProcess::of_a_test(false);
    let mut housekeeping = JoinSet::new();
    housekeeping.spawn(async { match keep_house(process).await {} });
    for number in 1..=2 {
        deny_too_often(process);
        tokio::time::sleep(HOUSEKEEPING_INTERVAL + RESTARTED).await;
        assert_eq!(log.count(&[left_out]), number);
        assert_eq!(log.count(&["a task panicked", "housekeeping"]), 1);
    }
    assert!(housekeeping.try_join_next().is_none());
}
