//! Saves the confirmed key sets of one issuer entry in `state_dir`, and restores them at the start.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use accredit_core::keys::store::KeyStore;
use accredit_core::keys::store::snapshot::Snapshot;
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
    /// The generation that was saved last, and the time.
    saved: Option<(u64, Instant)>,
    /// When the restored key set was confirmed. It is in the file already.
    restored: Arc<OnceLock<std::time::Instant>>,
    /// The key set that the writer writes next. A slow disk delays the writer, but never a refresh.
    next: watch::Sender<Option<SavedKeySet>>,
}

impl KeySaver {
    /// Saves the key sets of that owner in that folder.
    pub fn new(dir: StateDir, owner: KeySetOwner) -> KeySaver {
        KeySaver {
            dir,
            owner: Arc::new(owner),
            saved: None,
            restored: Arc::default(),
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
        let restored = self.restored.clone();
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
                    if let Some(confirmed) = store.restore(key_set.into(), age, max_stale, now) {
                        // A store restores saved keys once.
                        let _ = restored.set(confirmed);
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

    /// Whether the store holds a key set that is to be saved: a changed one at once, an unchanged one at most once a minute.
    pub(in crate::jwks) fn is_due(&self, held: &Snapshot, now: Instant) -> bool {
        let is_fresh = self.saved.is_some_and(|(saved, at)| {
            saved == held.generation && now.duration_since(at) < MIN_RENEWAL
        });
        let is_in_file = self.restored.get() == Some(&held.confirmed);
        held.key_set.text().is_some() && !is_fresh && !is_in_file
    }

    /// Saves the key set that the store holds, if it is due.
    pub(in crate::jwks) fn save(&mut self, held: &Snapshot, now: Instant) {
        let (true, Some(text)) = (self.is_due(held, now), held.key_set.text()) else {
            return;
        };
        let age = now.into_std().saturating_duration_since(held.confirmed);
        self.next.send_replace(Some(SavedKeySet {
            owner: self.owner.clone(),
            text: text.clone(),
            since: held.confirmed,
            // The time is rounded down, so that a saved key set never looks younger than it is. Without a time it is
            // too old for every `max_stale`, but it replaces the older one, whose keys may have been withdrawn.
            confirmed: seconds_since_1970()
                .unwrap_or_default()
                .saturating_sub(age.as_secs() + 1),
        }));
        self.saved = Some((held.generation, now));
    }

    /// Writes the key sets. Ends when the saver is dropped and its last key set is written.
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

    use tokio::time::Instant;

    use super::KeySaver;
    use crate::jwks::saved_keys::KeySetOwner;
    use crate::jwks::state_dir::StateDir;
    use accredit_core::keys::access::KeyAccess;
    use accredit_core::keys::key_set::KeySet;
    use accredit_core::keys::ledger::Purpose;
    use accredit_core::keys::source::{FetchSettings, KeyAddress, KeySource, Transport};
    use accredit_core::keys::store::KeyStore;

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
        let address = KeyAddress::parse("https://a.example/keys", Transport::Https);
        let source = KeySource::Uri(address.expect("is an address"));
        let store = KeyStore::new(source, began.into_std());
        let mut saved = |kid: Option<&str>, seconds| {
            let now = began + Duration::from_secs(seconds);
            let set = kid.map(|kid| {
                let text = format!(
                    r#"{{"keys":[{{"kid":"{kid}","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}]}}"#
                );
                let set = KeySet::parse(text.as_bytes()).expect("is a key set");
                set.with_text(text.as_bytes())
            });
            let (started, _) = store.begin(now.into_std(), Purpose::Refresh);
            let day = Duration::from_secs(24 * 60 * 60);
            let fetched = store.succeed(set, started, day, now.into_std());
            fetched.expect("is confirmed");
            saver.save(&store.held().expect("is held"), now);
            if !next.has_changed().expect("the saver lives") {
                return None;
            }
            let saved = next.borrow_and_update().clone()?;
            let text = String::from_utf8_lossy(&saved.text);
            ["one", "two"].into_iter().find(|kid| text.contains(kid))
        };
        assert_eq!(saved(Some("one"), 0), Some("one"));
        assert_eq!(saved(Some("one"), 1), None);
        assert_eq!(saved(None, 59), None);
        // "Not modified" confirms it as well.
        assert_eq!(saved(None, 60), Some("one"));
        assert_eq!(saved(Some("one"), 61), None);
        assert_eq!(saved(Some("two"), 62), Some("two"));
        assert_eq!(saved(None, 121), None);
        assert_eq!(saved(None, 122), Some("two"));
    }
}
