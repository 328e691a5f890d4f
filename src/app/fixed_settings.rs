//! The settings that take effect at the next start only.

use std::path::PathBuf;
use std::time::Duration;

use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::config::settings::Settings;
use accredit_core::config::tls_files::TlsFiles;
use accredit_core::rules::host::Host;

/// Settings that a running service cannot change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FixedSettings {
    listen: ListenAddr,
    admin_listen: ListenAddr,
    probe_listen: Option<ListenAddr>,
    admin_hosts: Vec<Host>,
    tls: [Option<TlsFiles>; 2],
    state_dir: Option<PathBuf>,
    drain: Duration,
}

impl FixedSettings {
    pub(crate) fn of(settings: &Settings) -> FixedSettings {
        FixedSettings {
            listen: settings.listen.clone(),
            admin_listen: settings.admin_listen.clone(),
            probe_listen: settings.probe_listen.clone(),
            admin_hosts: settings.admin_hosts.clone(),
            tls: [settings.tls.clone(), settings.admin_tls.clone()],
            state_dir: settings.state_dir.clone(),
            drain: settings.drain,
        }
    }
}
