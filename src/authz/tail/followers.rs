//! Those who follow decisions as they are made. A decision waits for none of them: who reads too slowly loses some, and
//! is told how many.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::authz::account::Account;
use crate::authz::tail::entry::Entry;
use crate::authz::tail::filter::Filter;

/// So many may follow at once.
const MOST_FOLLOWERS: usize = 32;

/// So many entries wait for each of them.
const MOST_WAITING: usize = 1024;

/// Those who follow.
#[derive(Debug, Default)]
pub struct Followers {
    /// How many `all` holds; read on every decision, most of which nobody follows.
    count: AtomicUsize,
    all: ArcSwap<Vec<Arc<Follower>>>,
    /// Held by who comes or goes, never by a decision.
    coming_and_going: Mutex<Admission>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Admission {
    #[default]
    Open,
    Closed,
}

#[derive(Debug)]
struct Follower {
    filter: Filter,
    entries: mpsc::Sender<Arc<Entry>>,
    lost: Arc<AtomicU64>,
}

/// The entries of one who follows; dropped, nothing is kept for it any more.
#[derive(Debug)]
pub struct Following {
    followers: Arc<Followers>,
    entries: mpsc::Receiver<Arc<Entry>>,
    lost: Arc<AtomicU64>,
}

/// What one who follows is told.
#[derive(Clone, Debug)]
pub enum News {
    /// A decision was made.
    Decided(Arc<Entry>),
    /// So many were, and this reader was too slow for them.
    Lost(u64),
}

/// Why nobody may follow now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowError {
    /// As many follow as may.
    TooMany,
    /// The service is stopping.
    Stopping,
}

// === impl Followers ===

impl Followers {
    /// Whether anybody follows.
    pub fn is_followed(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Tells those whose filter admits it of a decision. Never waits.
    pub fn tell(&self, account: &Account<'_>, entry: impl Fn() -> Arc<Entry>) {
        let mut made = None;
        for follower in self.all.load().iter() {
            if follower
                .filter
                .admits(&account.record, account.asked.as_ref())
            {
                follower.tell(made.get_or_insert_with(&entry));
            }
        }
    }

    /// Follows from now on.
    ///
    /// # Errors
    /// [`FollowError`]
    pub fn follow(self: &Arc<Followers>, filter: Filter) -> Result<Following, FollowError> {
        let (sender, entries) = mpsc::channel(MOST_WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let follower = Arc::new(Follower {
            filter,
            entries: sender,
            lost: lost.clone(),
        });
        let admission = self.coming_and_going.lock();
        let admission = admission.unwrap_or_else(PoisonError::into_inner);
        if *admission == Admission::Closed {
            return Err(FollowError::Stopping);
        }
        let mut all = self.all.load().to_vec();
        if all.len() >= MOST_FOLLOWERS {
            return Err(FollowError::TooMany);
        }
        all.push(follower);
        self.replace(all);
        Ok(Following {
            followers: self.clone(),
            entries,
            lost,
        })
    }

    /// The service stops: everybody is told what is left, and then that there is no more.
    pub fn close(&self) {
        let admission = self.coming_and_going.lock();
        *admission.unwrap_or_else(PoisonError::into_inner) = Admission::Closed;
        self.replace(Vec::new());
    }

    fn forget(&self, lost: &Arc<AtomicU64>) {
        let guard = self.coming_and_going.lock();
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
    fn tell(&self, entry: &Arc<Entry>) {
        match self.entries.try_send(entry.clone()) {
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

// === impl Following ===

impl Following {
    /// What there is to tell next; `None` once the service stops.
    pub async fn next(&mut self) -> Option<News> {
        // As long as this reader waits for an entry there is a place for one, so nothing is lost meanwhile.
        match self.lost.swap(0, Ordering::Relaxed) {
            0 => self.entries.recv().await.map(News::Decided),
            lost => Some(News::Lost(lost)),
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.followers.forget(&self.lost);
    }
}

// === impl FollowError ===

impl fmt::Display for FollowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FollowError::TooMany => write!(
                f,
                "{MOST_FOLLOWERS} follow the decisions already; end one of them"
            ),
            FollowError::Stopping => f.write_str("the service is stopping"),
        }
    }
}

impl std::error::Error for FollowError {}
