//! Keeps one issuer entry's last good key set beyond the life of the process.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::time::Instant;

use crate::jwks::last_good::{Owner, Record};
use crate::jwks::state_dir::StateDir;
use crate::jwks::store::KeyStore;

/// A set that has not changed is not written again within this time, however often it is confirmed.
const SHORTEST_RENEWAL: Duration = Duration::from_secs(60);

/// The one who keeps the keys of one store. Its clones share the owner.
#[derive(Clone, Debug)]
pub struct Keeper {
    folder: StateDir,
    owner: Arc<ArcSwap<Owner>>,
    text: Option<Bytes>,
    kept: Option<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    owner: Arc<Owner>,
    generation: u64,
    at: Instant,
}

impl Keeper {
    /// A keeper of that owner's keys in that folder.
    pub fn new(folder: StateDir, owner: Owner) -> Keeper {
        Keeper {
            folder,
            owner: Arc::new(ArcSwap::from_pointee(owner)),
            text: None,
            kept: None,
        }
    }

    /// From the next confirmation on the keys are that owner's: a configuration may give a source other issuers.
    pub fn hand_over_to(&self, owner: Owner) {
        if **self.owner.load() != owner {
            self.owner.store(Arc::new(owner));
        }
    }

    /// Hands the kept keys to a store that has none yet, if they may serve.
    pub(in crate::jwks) async fn restore(&self, store: &KeyStore, max_stale: Duration) {
        let owner = self.owner.load_full();
        let file = owner.file_name();
        let path = self.folder.path(&file);
        let refused = |reason: &dyn std::fmt::Display| {
            tracing::warn!(source = %store.source(), file = %path.display(), %reason, "the last good keys are not used");
        };
        let bytes = match self.folder.read(&file).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(error) => return refused(&error.kind()),
        };
        let (Some(wall), steady) = (seconds_since_1970(), Instant::now()) else {
            return refused(&"the clock shows a time before 1970");
        };
        match owner.read(&bytes, wall, max_stale) {
            Ok(restored) => {
                tracing::info!(
                    source = %store.source(), keys = restored.key_set.keys().len(), age_seconds = restored.age.as_secs(),
                    "the last good keys serve until the issuer answers"
                );
                store.restore(restored.key_set.into(), restored.age, max_stale, steady);
            }
            Err(unfit) => refused(&unfit),
        }
    }

    /// A set was confirmed by a fetch that began then; `text` is the set, unless it is the one before.
    pub(in crate::jwks) fn keep(
        &mut self,
        text: Option<Bytes>,
        generation: u64,
        started: Instant,
        now: Instant,
    ) {
        if let Some(text) = text {
            self.text = Some(text);
        }
        let owner = self.owner.load_full();
        let is_fresh = self.kept.as_ref().is_some_and(|kept| {
            kept.generation == generation
                && Arc::ptr_eq(&kept.owner, &owner)
                && now.duration_since(kept.at) < SHORTEST_RENEWAL
        });
        let (false, Some(text), Some(wall)) = (is_fresh, &self.text, seconds_since_1970()) else {
            return;
        };
        self.folder.submit(Record {
            owner: owner.as_ref().clone(),
            text: text.clone(),
            // Rounded to the past: what is kept must not look younger than it is.
            confirmed: wall.saturating_sub(now.duration_since(started).as_secs() + 1),
        });
        self.kept = Some(Kept {
            owner,
            generation,
            at: now,
        });
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "what outlives the process can be dated by the wall clock alone; no decision is made by it"
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

    use super::Keeper;
    use crate::jwks::last_good::Owner;
    use crate::jwks::source::{FetchSettings, KeyAddress, KeySource, Transport};
    use crate::jwks::state_dir::StateDir;

    fn owner(name: &str) -> Owner {
        let address = KeyAddress::parse("https://a.example/keys", Transport::Https);
        let fetch = FetchSettings {
            refresh: Duration::from_secs(300),
            max_stale: Duration::from_secs(3600),
            timeout: Duration::from_secs(5),
            ca_file: None,
        };
        let source = KeySource::Uri(address.expect("is an address"));
        Owner::of(&[name.into()], &source, &fetch).expect("is fetched")
    }

    #[test]
    fn a_confirmation_renews_the_file_but_not_more_than_once_a_minute() {
        let folder = StateDir::new("unused".into());
        let mut keeper = Keeper::new(folder.clone(), owner("a"));
        let began = Instant::now();
        let mut written = |text: Option<&'static str>, generation, seconds| {
            let now = began + Duration::from_secs(seconds);
            keeper.keep(text.map(Bytes::from), generation, now, now);
            let (_, record) = folder.next()?;
            assert!(folder.next().is_none());
            String::from_utf8(record.text.to_vec()).ok()
        };
        assert_eq!(written(Some("one"), 1, 0).as_deref(), Some("one"));
        assert_eq!(written(Some("one"), 1, 1), None);
        assert_eq!(written(None, 1, 59), None);
        // "Not modified" confirms it as well.
        assert_eq!(written(None, 1, 60).as_deref(), Some("one"));
        assert_eq!(written(Some("one, in other words"), 1, 61), None);
        // Another set is written at once.
        assert_eq!(written(Some("two"), 2, 62).as_deref(), Some("two"));
        assert_eq!(written(None, 2, 121), None);
        assert_eq!(written(None, 2, 122).as_deref(), Some("two"));
    }

    #[test]
    fn another_owner_has_a_file_of_its_own_from_the_next_confirmation() {
        let folder = StateDir::new("unused".into());
        let mut keeper = Keeper::new(folder.clone(), owner("a"));
        let handle = keeper.clone();
        let now = Instant::now();
        let mut file = |text: Option<&'static str>| {
            keeper.keep(text.map(Bytes::from), 1, now, now);
            folder.next().map(|(file, _)| file)
        };
        assert_eq!(file(Some("one")), Some(owner("a").file_name()));
        handle.hand_over_to(owner("a"));
        assert_eq!(file(None), None);
        handle.hand_over_to(owner("b"));
        assert_eq!(file(None), Some(owner("b").file_name()));
    }
}
