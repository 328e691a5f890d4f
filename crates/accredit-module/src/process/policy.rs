//! One configuration ready to decide requests, and how it is read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use accredit::app::rules_files::RulesFilesRead;
use accredit::deny_list::error::DenyListError;
use accredit::deny_list::keeper::DenyListKeeper;
use accredit::jwks::key_stores::{KeyStores, UnusableKeyAccess};
use accredit::jwks::trust::TrustStore;
use accredit::observe::report::Disclosure;
use accredit::regular_file;
use accredit_core::authz::authorizer::Authorizer;
use accredit_core::config::filter_config::{
    self, FilterConfigOrigin, FilterSettings, MetadataForm,
};
use accredit_core::config::problem::Problem;
use accredit_core::config::resolve::rules_from::RulesSource;
use accredit_core::config::rules_files::RulesInForce;
use accredit_core::config::yaml::budget::MAX_BYTES;
use accredit_core::engine::key_entries;
use thiserror::Error;

use crate::process::environment::environment;
use crate::process::platform::{NoNestedMetadata, Platform};

/// The configuration with which a filter decides. A reload replaces it as a whole.
pub struct Policy {
    pub authorizer: Authorizer,
    /// How long a request may wait for keys.
    pub check_timeout: Duration,
    pub startup_wait: Duration,
    pub disclosure: Disclosure,
    pub metadata_form: MetadataForm,
    /// Keeps the deny list current. Configurations with equal settings share it.
    pub deny_list: Option<Arc<DenyListKeeper>>,
    pub(in crate::process) forwarded_address: Once,
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigurationError {
    #[error("the configuration of the filter is not UTF-8")]
    NotText,
    #[error("{path}: {error}; name a regular file that Envoy's user can read", path = path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
    #[error("the configuration has problems")]
    Problems(Vec<Problem>),
    #[error(transparent)]
    KeyAccess(#[from] UnusableKeyAccess),
    #[error("revoked: {0}")]
    DenyList(#[from] DenyListError),
    #[error("a thread of the module cannot be started: {0}")]
    Start(#[source] std::io::Error),
    #[error(transparent)]
    Metadata(#[from] NoNestedMetadata),
    /// A panic, whose place is in the log.
    #[error("the configuration cannot be read because of an internal error; please report it")]
    Internal,
}

impl Policy {
    /// Logs, once for each configuration, that requests are denied because rules read an address that Envoy took from a header.
    pub fn report_forwarded_address(&self) {
        self.forwarded_address.call_once(|| {
            tracing::error!(
                config = &*self.disclosure.config,
                "requests are denied: a rule reads the client's address, and Envoy takes it from x-forwarded-for, which a client can set; \
                 write `use_remote_address: true` without `xff_num_trusted_hops` into the HTTP connection manager"
            );
        });
    }
}

/// Where the configuration of a filter is.
///
/// # Errors
/// [`ConfigurationError::Problems`]
pub fn origin(text: &str) -> Result<FilterConfigOrigin, ConfigurationError> {
    filter_config::origin(text, &environment).map_err(ConfigurationError::Problems)
}

/// A configuration that was read with its rules files.
pub struct LoadedFilter {
    pub filter: FilterSettings,
    pub rules: RulesFilesRead,
}

/// Reads a configuration and its rules files, and logs its warnings. A reload gives the rules of files that are `in_force`.
///
/// # Errors
/// [`ConfigurationError::Problems`]
pub fn read(
    text: &str,
    in_force: Option<&RulesInForce>,
) -> Result<LoadedFilter, ConfigurationError> {
    let loaded = read_quietly(text, in_force)?;
    for warning in &loaded.filter.resolved.warnings {
        tracing::warn!("{warning}");
    }
    Ok(loaded)
}

fn read_quietly(
    text: &str,
    in_force: Option<&RulesInForce>,
) -> Result<LoadedFilter, ConfigurationError> {
    let document =
        filter_config::document(text, &environment).map_err(ConfigurationError::Problems)?;
    let rules = RulesFilesRead::of(
        document.rules_files().map(str::to_owned).collect(),
        in_force,
    );
    let source = RulesSource {
        found: &rules.found,
        in_force,
    };
    let filter = document
        .resolve(source)
        .map_err(ConfigurationError::Problems)?;
    Ok(LoadedFilter { filter, rules })
}

/// Reads a configuration and the files that it names, and starts nothing. Returns the warnings.
///
/// # Errors
/// [`ConfigurationError`]
pub fn validate(text: &str, platform: Platform) -> Result<Vec<Problem>, ConfigurationError> {
    let LoadedFilter {
        filter: settings, ..
    } = match origin(text)? {
        FilterConfigOrigin::Text => read_quietly(text, None)?,
        FilterConfigOrigin::File(path) => read_quietly(&file_text(&path)?, None)?,
    };
    platform.require_form(settings.metadata_form)?;
    KeyStores::default().lease(&key_entries(&settings.resolved.settings))?;
    if let Some(revoked) = &settings.resolved.settings.revoked {
        DenyListKeeper::new(revoked.clone(), &TrustStore::system())?;
    }
    Ok(settings.resolved.warnings)
}

/// The text of a configuration file.
///
/// # Errors
/// [`ConfigurationError::Unreadable`] and [`ConfigurationError::NotText`]
pub fn file_text(path: &Path) -> Result<String, ConfigurationError> {
    let bytes = regular_file::read(path, MAX_BYTES as u64).map_err(|error| {
        let path = path.to_owned();
        ConfigurationError::Unreadable { path, error }
    })?;
    String::from_utf8(bytes).map_err(|_| ConfigurationError::NotText)
}

impl ConfigurationError {
    /// The error as lines for the log: control planes see only that Envoy refused the configuration.
    pub fn lines(&self) -> Vec<String> {
        match self {
            ConfigurationError::Problems(problems) => {
                problems.iter().map(ToString::to_string).collect()
            }
            error => vec![error.to_string()],
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({})", self.disclosure.config)
    }
}
