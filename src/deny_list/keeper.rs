//! The deny list of a configuration, and the task that keeps it current.

use std::sync::Arc;
use std::time::Duration;

use accredit_core::authn::issuer_names::IssuerNames;
use accredit_core::revocation::source::{DenyListSettings, DenyListSource};
use accredit_core::revocation::store::DenyListStore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::deny_list::error::DenyListError;
use crate::deny_list::loading;
use crate::deny_list::unmatched::ListUsers;
use crate::deny_list::updates::{DenyListOrigin, DenyListRefresher};
use crate::jwks::issuer_client::IssuerClient;
use crate::jwks::trust::TrustStore;
use crate::regular_file::stamp;

/// The longest wait for a first list, whatever the `timeout` of its fetch is: a new configuration waits for it.
pub const MAX_FIRST_WAIT: Duration = Duration::from_secs(60);

/// Keeps one deny list current until it is dropped.
pub struct DenyListKeeper {
    settings: DenyListSettings,
    store: Arc<DenyListStore>,
    users: Arc<ListUsers>,
    /// Until [`DenyListKeeper::start`].
    unstarted: Option<DenyListRefresher>,
    tasks: JoinSet<()>,
}

impl DenyListKeeper {
    /// Reads the list if it is a file. A list that has to be fetched is not there before [`DenyListKeeper::start`].
    ///
    /// # Errors
    /// [`DenyListError`] if a file cannot be used.
    pub fn new(
        settings: DenyListSettings,
        system_trust: &Arc<TrustStore>,
    ) -> Result<DenyListKeeper, DenyListError> {
        let store = Arc::new(DenyListStore::default());
        let origin = match &settings.source {
            DenyListSource::File(path) => {
                let read = stamp(path);
                store.replace(loading::read_file(path)?, Instant::now().into_std());
                let path = path.clone();
                DenyListOrigin::File { path, read }
            }
            DenyListSource::Uri(address) => DenyListOrigin::Http {
                client: client(&settings, system_trust)?,
                address: address.clone(),
                validators: Box::default(),
            },
        };
        let users = Arc::new(ListUsers::default());
        let updates = DenyListRefresher {
            store: store.clone(),
            users: users.clone(),
            settings: settings.clone(),
            origin,
            failures: 0,
            has_begun: false,
        };
        Ok(DenyListKeeper {
            settings,
            store,
            users,
            unstarted: Some(updates),
            tasks: JoinSet::new(),
        })
    }

    /// Whether the keeper was made for these settings.
    pub fn is_for(&self, settings: Option<&DenyListSettings>) -> bool {
        settings == Some(&self.settings)
    }

    pub fn store(&self) -> &Arc<DenyListStore> {
        &self.store
    }

    /// Notes that a configuration with these issuers uses the list. Entries with other issuers are reported in the log.
    pub fn note_user(&self, issuers: &Arc<IssuerNames>) {
        let list = self.store.list();
        self.users
            .add(issuers, list.as_deref(), &self.settings.source);
    }

    /// Starts to keep the list current.
    pub fn start(&mut self) {
        if let Some(updates) = self.unstarted.take() {
            self.tasks.spawn(async { match updates.run().await {} });
        }
    }

    /// Waits until the first attempt to load the list has ended, for at most [`MAX_FIRST_WAIT`].
    ///
    /// # Errors
    /// [`DenyListError::NotInTime`] if there is still none. The log has the cause.
    pub async fn first_list(&self) -> Result<(), DenyListError> {
        let attempted = self.store.until(DenyListStore::was_attempted);
        // The attempt itself ends at the time limit.
        let longest = (2 * self.settings.timeout).min(MAX_FIRST_WAIT);
        let _ = tokio::time::timeout(longest, attempted).await;
        if self.store.has_list() {
            Ok(())
        } else {
            Err(DenyListError::NotInTime)
        }
    }
}

/// The client that fetches the list.
///
/// # Errors
/// [`DenyListError::Trust`]
pub(crate) fn client(
    settings: &DenyListSettings,
    system_trust: &Arc<TrustStore>,
) -> Result<IssuerClient, DenyListError> {
    let trust = match &settings.ca_file {
        None => system_trust.clone(),
        Some(file) => TrustStore::of_file(file)?,
    };
    Ok(IssuerClient::new(trust))
}
