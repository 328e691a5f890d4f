//! The sockets of the service, with their certificates.

use std::sync::Arc;

use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::config::settings::Settings;
use accredit_core::config::tls_files::TlsFiles;

use crate::app::error::StartError;
use crate::server::limits::HttpVersions;
use crate::server::listener::Listener;
use crate::server::tls::ServerTls;

pub(crate) struct Listeners {
    pub(crate) checks: Listener,
    pub(crate) admin: Listener,
    pub(crate) probes: Option<Listener>,
}

impl Listeners {
    /// Reads the certificates and binds every socket.
    ///
    /// # Errors
    /// [`StartError`]
    pub(crate) fn bind(settings: &Settings) -> Result<Listeners, StartError> {
        let tls = load_tls("tls", &settings.tls, HttpVersions::Http2Only)?;
        let admin_tls = load_tls(
            "admin_tls",
            &settings.admin_tls,
            HttpVersions::Http1AndHttp2,
        )?;
        let bind = |address: &ListenAddr| Listener::bind(address).map_err(StartError::Bind);
        Ok(Listeners {
            checks: bind(&settings.listen)?.secured(tls),
            admin: bind(&settings.admin_listen)?.secured(admin_tls),
            probes: settings.probe_listen.as_ref().map(bind).transpose()?,
        })
    }

    /// The certificates of the sockets with TLS.
    pub(crate) fn certificates(&self) -> Vec<Arc<ServerTls>> {
        let secured = [&self.checks, &self.admin].into_iter();
        secured
            .filter_map(|listener| listener.tls().cloned())
            .collect()
    }
}

/// Logs that every machine that reaches `listen` can send checks.
pub(crate) fn note_open_port(settings: &Settings) {
    let has_client_ca = |tls: &TlsFiles| tls.client_ca.is_some();
    if let ListenAddr::Tcp(address) = settings.listen
        && !address.ip().to_canonical().is_loopback()
        && !settings.tls.as_ref().is_some_and(has_client_ca)
    {
        tracing::info!(
            listen = %address,
            "listen accepts every peer that reaches it; to require client certificates, set tls.client_ca"
        );
    }
}

fn load_tls(
    key: &'static str,
    files: &Option<TlsFiles>,
    versions: HttpVersions,
) -> Result<Option<Arc<ServerTls>>, StartError> {
    let Some(files) = files else {
        return Ok(None);
    };
    let tls = ServerTls::load(files.clone(), versions);
    tls.map(|tls| Some(Arc::new(tls)))
        .map_err(|error| StartError::Tls(key, error))
}
