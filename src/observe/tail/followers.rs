//! The followers of the tail. A check never waits for them: a follower that reads too slowly loses decisions, and receives
//! their number.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::observe::report::DecisionReport;
use crate::observe::tail::filter::Filter;

/// The maximum number of followers.
const MAX_FOLLOWERS: usize = 32;

/// The maximum number of decisions that wait for one follower.
const MAX_QUEUED: usize = 1024;

#[derive(Debug, Default)]
pub struct Followers {
    /// The length of `all`. Every check reads it, and most checks have no follower.
    count: AtomicUsize,
    all: ArcSwap<Vec<Arc<Follower>>>,
    /// Held while the list of followers changes, never by a check.
    admission: Mutex<FollowerAdmission>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum FollowerAdmission {
    #[default]
    Open,
    Closed,
}

#[derive(Debug)]
struct Follower {
    filter: Filter,
    reports: mpsc::Sender<Arc<DecisionReport>>,
    lost: Arc<AtomicU64>,
}

/// The decisions that one follower receives. Dropping it ends the follower.
#[derive(Debug)]
pub struct Following {
    followers: Arc<Followers>,
    reports: mpsc::Receiver<Arc<DecisionReport>>,
    lost: Arc<AtomicU64>,
}

/// What a follower receives.
#[derive(Clone, Debug)]
pub enum TailEvent {
    Decided(Arc<DecisionReport>),
    /// The number of decisions that were dropped because the follower read too slowly.
    Lost(u64),
}

/// Why the tail accepts no follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    #[error("the limit of {MAX_FOLLOWERS} followers is reached; end one of them")]
    TooMany,
    #[error("the service is stopping")]
    Stopping,
}

// === impl Followers ===

impl Followers {
    /// Whether there is a follower.
    pub fn are_any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Sends a decision to the followers whose filter admits it. Never waits.
    pub fn send(&self, report: &Arc<DecisionReport>) {
        for follower in self.all.load().iter() {
            if follower.filter.admits(report) {
                follower.send(report);
            }
        }
    }

    /// Adds a follower.
    ///
    /// # Errors
    /// [`FollowError`]
    pub fn follow(self: &Arc<Followers>, filter: Filter) -> Result<Following, FollowError> {
        let (sender, reports) = mpsc::channel(MAX_QUEUED);
        let lost = Arc::new(AtomicU64::new(0));
        let follower = Arc::new(Follower {
            filter,
            reports: sender,
            lost: lost.clone(),
        });
        let admission = self.admission.lock();
        let admission = admission.unwrap_or_else(PoisonError::into_inner);
        if *admission == FollowerAdmission::Closed {
            return Err(FollowError::Stopping);
        }
        let mut all = self.all.load().to_vec();
        if all.len() >= MAX_FOLLOWERS {
            return Err(FollowError::TooMany);
        }
        all.push(follower);
        self.replace(all);
        Ok(Following {
            followers: self.clone(),
            reports,
            lost,
        })
    }

    /// The service stops: followers receive what is queued, and then the end.
    pub fn close(&self) {
        let admission = self.admission.lock();
        *admission.unwrap_or_else(PoisonError::into_inner) = FollowerAdmission::Closed;
        self.replace(Vec::new());
    }

    fn remove(&self, lost: &Arc<AtomicU64>) {
        let guard = self.admission.lock();
        let _guard = guard.unwrap_or_else(PoisonError::into_inner);
        let mut all = self.all.load().to_vec();
        all.retain(|follower| !Arc::ptr_eq(&follower.lost, lost));
        self.replace(all);
    }

    fn replace(&self, all: Vec<Arc<Follower>>) {
        self.count.store(all.len(), Ordering::Relaxed);
        self.all.store(Arc::new(all));
    }
}

impl Follower {
    fn send(&self, report: &Arc<DecisionReport>) {
        match self.reports.try_send(report.clone()) {
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

// === impl Following ===

impl Following {
    /// The next event; `None` once the service stops.
    pub async fn next(&mut self) -> Option<TailEvent> {
        // While this reader waits, its queue is empty, so nothing is lost in the meantime.
        match self.lost.swap(0, Ordering::Relaxed) {
            0 => self.reports.recv().await.map(TailEvent::Decided),
            lost => Some(TailEvent::Lost(lost)),
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.followers.remove(&self.lost);
    }
}
