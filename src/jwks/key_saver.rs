//! Saves the confirmed key sets of one issuer entry in `state_dir`, and restores them at the start.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use accredit_core::keys::store::KeyStore;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::jwks::saved_keys::{KeySetOwner, RestoredKeySet, SavedKeySet};
use crate::jwks::state_dir::StateDir;

/// An unchanged key set is written again, with its new time, at most once in this time.
const MIN_RENEWAL: Duration = Duration::from_secs(60);

/// Saves the key sets of one store.
#[derive(Debug)]
pub struct KeySaver {
    dir: StateDir,
    owner: Arc<KeySetOwner>,
    /// The text of the key set that was confirmed last.
    text: Option<Bytes>,
    /// The generation that was saved last, and when.
    saved: Option<(u64, Instant)>,
    /// What the writer writes next. A slow disk delays it, and never a refresh.
    next: watch::Sender<Option<SavedKeySet>>,
}

impl KeySaver {
    /// Saves the key sets of that owner in that folder.
    pub fn new(dir: StateDir, owner: KeySetOwner) -> KeySaver {
        KeySaver {
            dir,
            owner: Arc::new(owner),
            text: None,
            saved: None,
            next: watch::Sender::new(None),
        }
    }

    /// Gives the saved keys to the store if they may verify tokens. The store ignores them if its source has answered, or if it
    /// inherited newer ones.
    pub(in crate::jwks) fn restore(
        &self,
        store: Arc<KeyStore>,
        max_stale: Duration,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (dir, owner) = (self.dir.clone(), self.owner.clone());
        async move {
            let file = owner.file_name();
            let path = dir.path(&file);
            let unused = |reason: &dyn std::fmt::Display| {
                let file = path.display();
                tracing::warn!(source = %store.source(), %file, %reason, "saved keys are not used");
            };
            let octets = match dir.read(&file).await {
                Ok(Some(octets)) => octets,
                Ok(None) => return,
                Err(error) => return unused(&error),
            };
            let Some(wall_clock) = seconds_since_1970() else {
                return unused(&"the clock shows a time before 1970");
            };
            match owner.read(&octets, wall_clock, max_stale) {
                Ok(RestoredKeySet { key_set, age }) => {
                    let keys = key_set.keys().len();
                    let now = Instant::now().into_std();
                    if store.restore(key_set.into(), age, max_stale, now) {
                        tracing::info!(
                            source = %store.source(), keys, age_seconds = age.as_secs(),
                            "saved keys restored; they verify tokens until the issuer answers"
                        );
                    }
                }
                Err(error) => unused(&error),
            }
        }
    }

    /// A fetch that began at `started` confirmed a key set. `text` is absent if it is the previous one.
    pub(in crate::jwks) fn save(
        &mut self,
        text: Option<Bytes>,
        generation: u64,
        started: Instant,
        now: Instant,
    ) {
        if text.is_some() {
            self.text = text;
        }
        let is_fresh = self
            .saved
            .is_some_and(|(saved, at)| saved == generation && now.duration_since(at) < MIN_RENEWAL);
        let (false, Some(text), Some(wall_clock)) = (is_fresh, &self.text, seconds_since_1970())
        else {
            return;
        };
        self.next.send_replace(Some(SavedKeySet {
            owner: self.owner.clone(),
            text: text.clone(),
            // Rounded to the past: a saved key set must not look younger than it is.
            confirmed: wall_clock.saturating_sub(now.duration_since(started).as_secs() + 1),
        }));
        self.saved = Some((generation, now));
    }

    /// Writes what is saved. Ends when the saver is dropped and its last key set is written.
    pub(in crate::jwks) fn writer(&self) -> impl Future<Output = ()> + Send + 'static {
        let (dir, mut next) = (self.dir.clone(), self.next.subscribe());
        async move {
            while next.changed().await.is_ok() {
                let saved = next.borrow_and_update().clone();
                if let Some(saved) = saved {
                    dir.write(saved).await;
                }
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "only the wall clock goes on while the process is stopped; no decision reads it"
)]
fn seconds_since_1970() -> Option<u64> {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use tokio::time::Instant;

    use super::KeySaver;
    use crate::jwks::saved_keys::KeySetOwner;
    use crate::jwks::state_dir::StateDir;
    use accredit_core::keys::access::KeyAccess;
    use accredit_core::keys::source::{FetchSettings, KeyAddress, KeySource, Transport};

    fn owner() -> KeySetOwner {
        let address = KeyAddress::parse("https://a.example/keys", Transport::Https);
        let settings = FetchSettings {
            refresh: Duration::from_secs(300),
            max_stale: Duration::from_secs(3600),
            timeout: Duration::from_secs(5),
            ca_file: None,
            access: KeyAccess::default(),
        };
        let source = KeySource::Uri(address.expect("is an address"));
        KeySetOwner::of(&["a".into()], &source, &settings).expect("is fetched")
    }

    #[test]
    fn an_unchanged_key_set_is_saved_once_a_minute_and_a_changed_one_at_once() {
        let mut saver = KeySaver::new(StateDir::new("unused".into()), owner());
        let mut next = saver.next.subscribe();
        let began = Instant::now();
        let mut saved = |text: Option<&'static str>, generation, seconds| {
            let now = began + Duration::from_secs(seconds);
            saver.save(text.map(Bytes::from), generation, now, now);
            if !next.has_changed().expect("the saver lives") {
                return None;
            }
            let saved = next.borrow_and_update().clone()?;
            String::from_utf8(saved.text.to_vec()).ok()
        };
        assert_eq!(saved(Some("one"), 1, 0).as_deref(), Some("one"));
        assert_eq!(saved(Some("one"), 1, 1), None);
        assert_eq!(saved(None, 1, 59), None);
        // "Not modified" confirms it as well.
        assert_eq!(saved(None, 1, 60).as_deref(), Some("one"));
        assert_eq!(saved(Some("one, written otherwise"), 1, 61), None);
        assert_eq!(saved(Some("two"), 2, 62).as_deref(), Some("two"));
        assert_eq!(saved(None, 2, 121), None);
        assert_eq!(saved(None, 2, 122).as_deref(), Some("two"));
    }
}
