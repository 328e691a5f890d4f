//! Keeps a deny list current: at intervals, and when its file changes.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use accredit_core::keys::source::KeyAddress;
use accredit_core::revocation::list::DenyList;
use accredit_core::revocation::source::{DenyListSettings, DenyListSource};
use accredit_core::revocation::store::DenyListStore;
use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::deny_list::error::DenyListError;
use crate::deny_list::loading;
use crate::deny_list::unmatched::ListUsers;
use crate::file_watch::FileWatch;
use crate::jwks::conditional::Validators;
use crate::jwks::issuer_client::IssuerClient;
use crate::jwks::refresher::delay::{random_fraction, refresh_delay, retry_delay};
use crate::regular_file::{FileStamp, stamp};
use crate::supervision::keep_running;

/// A changed file is read after this time even if its folder continues to change.
const MAX_SETTLE_TIME: Duration = Duration::from_secs(1);

/// The interval at which a file is compared with the one that was read. Some file systems report no changes.
const FILE_INTERVAL: Duration = Duration::from_secs(30);

/// Updates one store.
pub(in crate::deny_list) struct DenyListRefresher {
    pub(in crate::deny_list) store: Arc<DenyListStore>,
    pub(in crate::deny_list) users: Arc<ListUsers>,
    pub(in crate::deny_list) settings: DenyListSettings,
    pub(in crate::deny_list) origin: DenyListOrigin,
    /// The failures since the latest success.
    pub(in crate::deny_list) failures: u32,
    pub(in crate::deny_list) has_begun: bool,
}

/// The source of the list, and the version that was loaded last.
pub(in crate::deny_list) enum DenyListOrigin {
    File {
        path: PathBuf,
        /// The file that was read last.
        read: Option<FileStamp>,
    },
    Http {
        client: IssuerClient,
        address: KeyAddress,
        validators: Box<Validators>,
    },
}

impl DenyListOrigin {
    /// The list, or `None` if it has not changed. After a `sign` of a change, a file is read even if its stamp is the same: two
    /// changes can have one time.
    async fn load(
        &mut self,
        timeout: Duration,
        sign: bool,
    ) -> Result<Option<DenyList>, DenyListError> {
        match self {
            DenyListOrigin::File { path, read } => {
                let current = stamp(path);
                if !sign && current.is_some() && current == *read {
                    return Ok(None);
                }
                let file = path.clone();
                let reading = tokio::task::spawn_blocking(move || loading::read_file(&file)).await;
                let list = reading.map_err(|_| DenyListError::Internal)??;
                *read = current;
                Ok(Some(list))
            }
            DenyListOrigin::Http {
                client,
                address,
                validators,
            } => loading::fetch(client, address, timeout, validators).await,
        }
    }

    /// The next load brings the list, changed or not.
    fn forget(&mut self) {
        match self {
            DenyListOrigin::File { read, .. } => *read = None,
            DenyListOrigin::Http { validators, .. } => **validators = Validators::default(),
        }
    }

    fn file(&self) -> Option<&Path> {
        match self {
            DenyListOrigin::File { path, .. } => Some(path),
            DenyListOrigin::Http { .. } => None,
        }
    }
}

impl DenyListRefresher {
    /// Loads at once and from then on.
    pub(in crate::deny_list) async fn run(mut self) -> Infallible {
        keep_running("deny list updates", &mut self, |updates| {
            updates.update().boxed()
        })
        .await
    }

    async fn update(&mut self) -> Infallible {
        if std::mem::replace(&mut self.has_begun, true) {
            // After a panic, the list that was loaded last may not be in force.
            self.origin.forget();
        }
        let mut watch = self.watch();
        let mut sign = false;
        loop {
            let next_attempt = self.attempt(sign).await;
            sign = tokio::select! {
                () = tokio::time::sleep_until(next_attempt) => false,
                () = changed(watch.as_mut()) => true,
            };
        }
    }

    fn watch(&self) -> Option<FileWatch> {
        let file = self.origin.file()?;
        match FileWatch::of(file) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(
                    file = %file.display(), %error,
                    "the folder of the deny list cannot be watched; the file is compared every 30 s only"
                );
                None
            }
        }
    }

    async fn attempt(&mut self, sign: bool) -> Instant {
        // A panic while a list is read must not end the updates.
        let loading =
            AssertUnwindSafe(self.origin.load(self.settings.timeout, sign)).catch_unwind();
        let loaded = loading.await.unwrap_or(Err(DenyListError::Internal));
        let now = Instant::now();
        let interval = match self.settings.source {
            DenyListSource::File(_) => FILE_INTERVAL,
            DenyListSource::Uri(_) => self.settings.refresh,
        };
        match loaded {
            Ok(list) => {
                self.failures = 0;
                match list {
                    None => self.store.confirm(now.into_std()),
                    Some(list) => {
                        tracing::info!(
                            source = %self.settings.source, entries = list.len(),
                            "deny list loaded"
                        );
                        self.users.report(&list, &self.settings.source);
                        self.store.replace(list, now.into_std());
                    }
                }
                now + refresh_delay(interval, None, random_fraction())
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let retry_after = error.retry_after().map(|asked| asked.min(interval));
                let backoff = retry_delay(self.failures, interval, random_fraction());
                let retry_in = backoff.max(retry_after.unwrap_or_default());
                let kept = self.store.list().map(|list| list.len());
                let consequence = match kept {
                    Some(_) => "the last good one stays in force",
                    None => "every token is denied until it is loaded",
                };
                tracing::error!(
                    source = %self.settings.source, %error, failures = self.failures, ?retry_in,
                    entries_in_force = kept,
                    "the deny list cannot be loaded; {consequence}"
                );
                self.store.fail();
                now + retry_in
            }
        }
    }
}

async fn changed(watch: Option<&mut FileWatch>) {
    match watch {
        Some(watch) => watch.settled_within(MAX_SETTLE_TIME).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use accredit_core::revocation::source::{DenyListSettings, DenyListSource};
    use accredit_test_support::panicking_log::PanickingLog;

    use super::FILE_INTERVAL;
    use crate::deny_list::keeper::DenyListKeeper;
    use crate::jwks::trust::TrustStore;

    /// The panic is after the list was read and before it is in force.
    #[tokio::test(start_paused = true)]
    async fn updates_that_panic_begin_again_and_bring_the_list() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("revoked.yaml");
        let entry = |subject: &str| format!("- {{ issuer: 'https://a.test', sub: {subject} }}\n");
        std::fs::write(&file, entry("one")).expect("is written");
        let settings = DenyListSettings {
            source: DenyListSource::File(file.clone()),
            refresh: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            ca_file: None,
        };
        let (log, _guard) = PanickingLog::panicking_at("deny list loaded");
        let mut keeper = DenyListKeeper::new(settings, &TrustStore::system()).expect("is a list");
        keeper.start();
        std::fs::write(&file, entry("one") + &entry("two")).expect("is written");
        tokio::time::sleep(2 * FILE_INTERVAL).await;
        assert_eq!(log.count(&["a task panicked", "deny list updates"]), 1);
        assert_eq!(log.count(&["deny list loaded"]), 2);
        assert_eq!(keeper.store().list().map(|list| list.len()), Some(2));
    }
}
