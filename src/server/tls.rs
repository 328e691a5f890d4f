//! TLS of one port: the configuration that handshakes use, renewed when the files change.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use accredit_core::config::tls_files::TlsFiles;
use arc_swap::ArcSwap;
use futures_util::future::{join_all, select_all};
use rustls::ServerConfig;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::file_watch::FileWatch;
use crate::server::limits::HttpVersions;
use crate::server::tls_files::{self, Expiry, LoadedTls, TlsFileContents};
use crate::server::tls_files_error::TlsFilesError;

/// The files are read this often even if no change is reported, as on network file systems.
const READ_INTERVAL: Duration = Duration::from_secs(60);

/// Files that keep changing are read after this time.
const MAX_SETTLING: Duration = Duration::from_secs(2);

/// The interval of warnings about a certificate that expires soon.
const EXPIRY_WARNING_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The certificate, key and accepted clients of one port. A connection keeps those of its handshake.
pub struct ServerTls {
    files: TlsFiles,
    alpn: &'static [&'static str],
    config: ArcSwap<ServerConfig>,
    source: Mutex<TlsSource>,
}

/// What the current configuration was made of.
struct TlsSource {
    contents: TlsFileContents,
    expiry: Expiry,
    warned: Option<Instant>,
}

// === impl ServerTls ===

impl ServerTls {
    /// Reads the files of a port.
    ///
    /// # Errors
    /// [`TlsFilesError`]
    pub fn load(files: TlsFiles, versions: HttpVersions) -> Result<Self, TlsFilesError> {
        let alpn: &[&str] = match versions {
            HttpVersions::Http2Only => &["h2"],
            HttpVersions::Http1AndHttp2 => &["h2", "http/1.1"],
        };
        let contents = tls_files::read(&files)?;
        let LoadedTls { config, expiry } = tls_files::load(&files, &contents, alpn, now())?;
        Ok(Self {
            files,
            alpn,
            config: ArcSwap::new(config),
            source: Mutex::new(TlsSource {
                contents,
                expiry,
                warned: None,
            }),
        })
    }

    /// The configuration for new handshakes.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Reads the files again whenever they change. It never ends by itself.
    pub async fn follow(&self) -> Infallible {
        let mut watches = self.watches();
        let mut clock = interval(READ_INTERVAL);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = clock.tick() => self.warn_before_expiry(),
                () = any_settled(&mut watches) => {}
            }
            self.renew();
        }
    }

    fn watches(&self) -> Vec<FileWatch> {
        let watch = |file| {
            FileWatch::of(file)
                .inspect_err(|error| {
                    tracing::warn!(%error, "cannot watch TLS files; reading them every minute");
                })
                .ok()
        };
        self.files.paths().filter_map(watch).collect()
    }

    fn renew(&self) {
        let certificate = self.files.certificate.display();
        match self.try_renew() {
            Ok(false) => {}
            Ok(true) => tracing::info!(%certificate, "certificate renewed; new handshakes use it"),
            Err(error) => {
                tracing::error!(%error, "certificate renewal failed; still using the previous one")
            }
        }
    }

    fn try_renew(&self) -> Result<bool, TlsFilesError> {
        let contents = tls_files::read(&self.files)?;
        // After a panic here, the last good state is still complete.
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        if contents == source.contents {
            return Ok(false);
        }
        let LoadedTls { config, expiry } =
            tls_files::load(&self.files, &contents, self.alpn, now())?;
        self.config.store(config);
        *source = TlsSource {
            contents,
            expiry,
            warned: None,
        };
        Ok(true)
    }

    fn warn_before_expiry(&self) {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = source
            .warned
            .is_some_and(|warned| warned.elapsed() < EXPIRY_WARNING_INTERVAL);
        let Some(days) = source.expiry.days_left_if_few(now()).filter(|_| !lately) else {
            return;
        };
        source.warned = Some(Instant::now());
        let certificate = self.files.certificate.display();
        if days < 0 {
            tracing::error!(%certificate, "certificate has expired, so clients refuse it; renew it");
        } else {
            tracing::warn!(%certificate, days, "certificate expires soon; renew it");
        }
    }
}

/// Resolves when one of the files may have changed.
async fn any_settled(watches: &mut [FileWatch]) {
    if watches.is_empty() {
        return pending().await;
    }
    // A half-written certificate is invalid and changes nothing, so a folder that never settles need not be awaited.
    let settled = watches
        .iter_mut()
        .map(|watch| Box::pin(watch.settled_within(MAX_SETTLING)));
    let _ = select_all(settled).await;
}

/// Follows the TLS files of several ports. It never ends.
pub async fn follow_all(ports: Vec<Arc<ServerTls>>) -> Infallible {
    let each = ports.iter().map(|tls| tls.follow());
    let _: Vec<Infallible> = join_all(each).await;
    // No port has TLS.
    pending().await
}

#[allow(
    clippy::disallowed_methods,
    reason = "certificates name wall-clock times"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
