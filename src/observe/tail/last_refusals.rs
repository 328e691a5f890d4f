//! The last denials, so that an operator can look up a denied request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;

use crate::observe::report::DecisionReport;

/// The number of denials that are kept (CONTRACT 2.6.2).
pub const MAX_REFUSALS: usize = 1000;

/// A ring of denials. Each new denial replaces the oldest one, without waiting for readers.
pub struct LastRefusals {
    slots: Box<[ArcSwapOption<DecisionReport>]>,
    next: AtomicUsize,
}

impl Default for LastRefusals {
    fn default() -> LastRefusals {
        LastRefusals {
            slots: (0..MAX_REFUSALS).map(|_| ArcSwapOption::empty()).collect(),
            next: AtomicUsize::new(0),
        }
    }
}

impl LastRefusals {
    /// Keeps a denial in place of the oldest one.
    pub fn keep(&self, refusal: Arc<DecisionReport>) {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % MAX_REFUSALS;
        if let Some(slot) = self.slots.get(slot) {
            slot.store(Some(refusal));
        }
    }

    /// The last `count` denials for which the predicate holds, newest first.
    pub fn latest_of(
        &self,
        count: usize,
        is_wanted: impl Fn(&DecisionReport) -> bool,
    ) -> Vec<Arc<DecisionReport>> {
        let mut latest = self.newest_first(is_wanted);
        latest.truncate(count);
        latest
    }

    /// The denials of requests with that ID, newest first. A client can send one ID many times.
    pub fn of_request(&self, id: &str) -> Vec<Arc<DecisionReport>> {
        self.newest_first(|refusal| refusal.has_request_id(id))
    }

    fn newest_first(
        &self,
        is_wanted: impl Fn(&DecisionReport) -> bool,
    ) -> Vec<Arc<DecisionReport>> {
        let kept = self.slots.iter().filter_map(ArcSwapOption::load_full);
        let mut found: Vec<_> = kept.filter(|refusal| is_wanted(refusal)).collect();
        found.sort_by_key(|refusal| std::cmp::Reverse(refusal.at));
        found
    }
}

impl fmt::Debug for LastRefusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastRefusals").finish_non_exhaustive()
    }
}
