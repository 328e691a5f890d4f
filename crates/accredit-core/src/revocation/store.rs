//! The deny list in force, and the results of its loads.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use event_listener::Event;

use crate::revocation::entry::RevokingEntry;
use crate::revocation::list::{DenyList, DenyListMatch, RevocableToken};
use crate::token::numeric_date::NumericDate;

/// Holds the last good deny list. Without one, it refuses every token.
#[derive(Default)]
pub struct DenyListStore {
    list: ArcSwapOption<DenyList>,
    /// When the list was last loaded, or confirmed as unchanged.
    confirmed: Mutex<Option<Instant>>,
    was_attempted: AtomicBool,
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// Notified after each load.
    changed: Event,
}

/// The generation of the list that last did not name a token. A cached token is looked up once per list.
#[derive(Debug, Default)]
pub struct ClearedGeneration(AtomicU64);

/// Why a verified token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    #[error("{0}")]
    Revoked(RevokingEntry),
    /// No list has been loaded yet.
    #[error("no deny list has been loaded yet")]
    NoList,
}

impl DenyListStore {
    /// Checks a verified token against the list in force.
    ///
    /// # Errors
    /// [`RevocationError`]
    pub fn check(
        &self,
        token: &RevocableToken<'_>,
        cleared: &ClearedGeneration,
        now: NumericDate,
    ) -> Result<(), RevocationError> {
        let list = self.list.load();
        let list = list.as_ref().ok_or(RevocationError::NoList)?;
        // A list without an entry that names the token, ended or not, will not name it later.
        if cleared.0.load(Ordering::Relaxed) == list.generation() {
            return Ok(());
        }
        match list.look_up(token, now) {
            DenyListMatch::Revoked(entry) => Err(RevocationError::Revoked(entry)),
            DenyListMatch::Ended => Ok(()),
            DenyListMatch::NotNamed => {
                cleared.0.store(list.generation(), Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Replaces the list in force.
    pub fn replace(&self, list: DenyList, now: Instant) {
        self.list.store(Some(Arc::new(list)));
        self.confirm(now);
    }

    /// The source has not changed since the list was loaded.
    pub fn confirm(&self, now: Instant) {
        *self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(now);
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        self.attempted();
    }

    /// A load failed. The list stays in force.
    pub fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.attempted();
    }

    fn attempted(&self) {
        self.was_attempted.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
    }

    /// The list in force.
    pub fn list(&self) -> Option<Arc<DenyList>> {
        self.list.load_full()
    }

    pub fn has_list(&self) -> bool {
        self.list.load().is_some()
    }

    /// Whether a load has ended, with whatever result.
    pub fn was_attempted(&self) -> bool {
        self.was_attempted.load(Ordering::Acquire)
    }

    /// The time since the list was loaded or confirmed.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        let confirmed = self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        confirmed.map(|confirmed| now.saturating_duration_since(confirmed))
    }

    /// How many loads succeeded, and how many failed.
    pub fn loads(&self) -> (u64, u64) {
        (
            self.succeeded.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
        )
    }

    /// Resolves when `is_done` holds. It is evaluated at once and after each load.
    pub async fn until(&self, is_done: impl Fn(&DenyListStore) -> bool) {
        loop {
            let changed = self.changed.listen();
            if is_done(self) {
                return;
            }
            changed.await;
        }
    }
}

impl fmt::Debug for DenyListStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DenyListStore({:?})", self.list.load_full())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{ClearedGeneration, DenyListStore, RevocationError};
    use crate::revocation::entry::{DenyListEntry, RevokedBy, RevokingEntry};
    use crate::revocation::list::{DenyList, DenyListBuilder, RevocableToken};
    use crate::token::claims::Claims;
    use crate::token::numeric_date::NumericDate;

    fn list(subject: Option<&str>) -> DenyList {
        let mut builder = DenyListBuilder::default();
        if let Some(value) = subject {
            let entry = DenyListEntry {
                issuer: "i",
                by: RevokedBy::Subject,
                value,
                issued_before: None,
                until: None,
                line: 7,
            };
            builder.push(&entry).expect("fits");
        }
        builder.build()
    }

    #[test]
    fn a_token_that_one_list_cleared_is_looked_up_in_the_next() {
        let claims = Claims::parse(br#"{"sub":"s"}"#).expect("are claims");
        let token = RevocableToken {
            issuer: "i",
            claims: &claims,
            key_id: None,
        };
        let (store, cleared) = (DenyListStore::default(), ClearedGeneration::default());
        let check = || {
            let now = NumericDate::after_epoch(Duration::from_secs(1));
            store.check(&token, &cleared, now)
        };
        assert_eq!(check(), Err(RevocationError::NoList));
        let revoked = Err(RevocationError::Revoked(RevokingEntry {
            line: 7,
            by: RevokedBy::Subject,
        }));
        for (subject, result) in [
            (None, Ok(())),
            (Some("s"), revoked),
            (Some("t"), Ok(())),
            (Some("s"), revoked),
        ] {
            store.replace(list(subject), Instant::now());
            assert_eq!(check(), result, "{subject:?}");
            assert_eq!(check(), result, "{subject:?}, the second time");
        }
        store.fail();
        assert_eq!(check(), revoked, "a failed load keeps the list");
        assert_eq!(store.loads(), (4, 1));
    }

    #[test]
    fn an_entry_that_has_ended_counts_again_if_the_clock_is_set_back() {
        let claims = Claims::parse(br#"{"sub":"s"}"#).expect("are claims");
        let token = RevocableToken {
            issuer: "i",
            claims: &claims,
            key_id: None,
        };
        let at = |seconds| NumericDate::after_epoch(Duration::from_secs(seconds));
        let mut builder = DenyListBuilder::default();
        let entry = DenyListEntry {
            issuer: "i",
            by: RevokedBy::Subject,
            value: "s",
            issued_before: None,
            until: Some(at(100)),
            line: 7,
        };
        builder.push(&entry).expect("fits");
        let (store, cleared) = (DenyListStore::default(), ClearedGeneration::default());
        store.replace(builder.build(), Instant::now());
        let is_refused = [99, 101, 99].map(|now| store.check(&token, &cleared, at(now)).is_err());
        assert_eq!(is_refused, [true, false, true]);
    }
}
