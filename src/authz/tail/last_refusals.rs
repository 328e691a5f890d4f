//! The last refusals, for whoever asks later why a request was refused.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;

use crate::authz::decision::Refused;
use crate::authz::explanation::Progress;
use crate::authz::tail::entry::Entry;

/// So many are kept.
pub const KEPT: usize = 1000;

/// A ring of refusals: each takes the place of the oldest, and waits for nobody who reads.
pub struct LastRefusals {
    places: Box<[ArcSwapOption<KeptRefusal>]>,
    next: AtomicUsize,
}

/// A refusal as it is kept: never its token, nor the claims of it beside those that may be told.
#[derive(Debug)]
pub struct KeptRefusal {
    /// What was told of it.
    pub entry: Arc<Entry>,
    /// What was refused, without whose token it was.
    pub refused: Refused,
    /// How far the request came.
    pub progress: Progress,
}

impl KeptRefusal {
    /// Keeps a refusal.
    pub fn new(entry: Arc<Entry>, refused: &Refused) -> KeptRefusal {
        KeptRefusal {
            entry,
            refused: Refused {
                identity: None,
                ..refused.clone()
            },
            progress: Progress::until(refused),
        }
    }
}

impl Default for LastRefusals {
    fn default() -> LastRefusals {
        LastRefusals {
            places: (0..KEPT).map(|_| ArcSwapOption::empty()).collect(),
            next: AtomicUsize::new(0),
        }
    }
}

impl LastRefusals {
    /// Keeps a refusal, in the place of the oldest.
    pub fn keep(&self, refusal: KeptRefusal) {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % KEPT;
        if let Some(place) = self.places.get(place) {
            place.store(Some(Arc::new(refusal)));
        }
    }

    /// So many of the last, the newest first.
    pub fn latest(&self, count: usize) -> Vec<Arc<KeptRefusal>> {
        let held = self.places.iter().filter_map(ArcSwapOption::load_full);
        let mut latest: Vec<_> = held.collect();
        latest.sort_by_key(|refusal| std::cmp::Reverse(refusal.entry.at));
        latest.truncate(count);
        latest
    }

    /// Those of requests with that id, the newest first: a client may send one id many times.
    pub fn of_request(&self, id: &str) -> Vec<Arc<KeptRefusal>> {
        let held = self.places.iter().filter_map(ArcSwapOption::load_full);
        let mut found: Vec<_> = held
            .filter(|refusal| refusal.entry.is_of_request(id))
            .collect();
        found.sort_by_key(|refusal| std::cmp::Reverse(refusal.entry.at));
        found
    }
}

impl fmt::Debug for LastRefusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastRefusals").finish_non_exhaustive()
    }
}
