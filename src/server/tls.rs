//! TLS of one port: what handshakes use at the moment, and its renewal when the files change.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use futures_util::future::{join_all, select_all};
use rustls::ServerConfig;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::config::tls_files::TlsFiles;
use crate::file_watch::FileWatch;
use crate::server::connection::Protocol;
use crate::server::tls_files::{self, Contents, Expiry, Loaded};
use crate::server::tls_files_error::TlsFilesError;

/// The files are read this often even if nothing tells of a change (a network file system does not).
const REREAD: Duration = Duration::from_secs(60);

/// Files that keep changing are read after this.
const LONGEST_UNREST: Duration = Duration::from_secs(2);

/// A certificate that expires soon is complained of this often.
const COMPLAINT: Duration = Duration::from_secs(24 * 60 * 60);

/// The certificate, key and clients of one port. Connections keep what they began with.
pub struct ServerTls {
    files: TlsFiles,
    alpn: &'static [&'static str],
    config: ArcSwap<ServerConfig>,
    read: Mutex<Read>,
}

/// What the config in force was made of.
struct Read {
    contents: Contents,
    expiry: Expiry,
    complained: Option<Instant>,
}

// === impl ServerTls ===

impl ServerTls {
    /// Reads the files for a port on which that is spoken.
    ///
    /// # Errors
    /// [`TlsFilesError`], in words for whoever wrote the configuration.
    pub fn load(files: TlsFiles, protocol: Protocol) -> Result<Self, TlsFilesError> {
        let alpn: &[&str] = match protocol {
            Protocol::Http2 => &["h2"],
            Protocol::Http1Or2 => &["h2", "http/1.1"],
        };
        let contents = tls_files::read(&files)?;
        let Loaded { config, expiry } = tls_files::load(&files, &contents, alpn, now())?;
        Ok(Self {
            files,
            alpn,
            config: ArcSwap::new(config),
            read: Mutex::new(Read {
                contents,
                expiry,
                complained: None,
            }),
        })
    }

    /// What a handshake that begins now uses.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Follows the files for as long as it is awaited; it never ends by itself.
    pub async fn follow(&self) -> Infallible {
        let mut watches = self.watches();
        let mut clock = interval(REREAD);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = clock.tick() => self.complain_if_few_days_are_left(),
                () = any_settled(&mut watches) => {}
            }
            self.renew();
        }
    }

    fn watches(&self) -> Vec<FileWatch> {
        let watch = |file| {
            FileWatch::of(file)
                .inspect_err(|error| {
                    tracing::warn!(%error, "certificates cannot be watched; they are read every minute");
                })
                .ok()
        };
        self.files.paths().filter_map(watch).collect()
    }

    /// Takes new files, if they are new and good.
    fn renew(&self) {
        let certificate = self.files.certificate.display();
        match self.try_renew() {
            Ok(false) => {}
            Ok(true) => tracing::info!(%certificate, "new handshakes use the new certificate"),
            Err(error) => {
                tracing::error!(%error, "the new certificate was not taken; the one before stays in force")
            }
        }
    }

    fn try_renew(&self) -> Result<bool, TlsFilesError> {
        let contents = tls_files::read(&self.files)?;
        // Whoever panicked here left the last good state.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if contents == read.contents {
            return Ok(false);
        }
        let Loaded { config, expiry } = tls_files::load(&self.files, &contents, self.alpn, now())?;
        self.config.store(config);
        *read = Read {
            contents,
            expiry,
            complained: None,
        };
        Ok(true)
    }

    fn complain_if_few_days_are_left(&self) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = read
            .complained
            .is_some_and(|complained| complained.elapsed() < COMPLAINT);
        let Some(days) = read.expiry.days_left_if_few(now()).filter(|_| !lately) else {
            return;
        };
        read.complained = Some(Instant::now());
        let certificate = self.files.certificate.display();
        if days < 0 {
            tracing::error!(%certificate, "the certificate has expired: clients refuse it; renew it");
        } else {
            tracing::warn!(%certificate, days, "the certificate expires soon; renew it");
        }
    }
}

/// Resolves when one of the files may have changed.
async fn any_settled(watches: &mut [FileWatch]) {
    if watches.is_empty() {
        return pending().await;
    }
    // Half of a certificate is none, so that a folder in which others write for ever need not be waited for.
    let settled = watches
        .iter_mut()
        .map(|watch| Box::pin(watch.settled_within(LONGEST_UNREST)));
    let _ = select_all(settled).await;
}

/// Follows the files of all ports that have any; never ends.
pub async fn follow_all(ports: Vec<Arc<ServerTls>>) -> Infallible {
    let each = ports.iter().map(|tls| tls.follow());
    let _: Vec<Infallible> = join_all(each).await;
    // There are none.
    pending().await
}

/// The edge of this room: certificates are judged by the wall clock, as rustls judges its clients'.
#[allow(
    clippy::disallowed_methods,
    reason = "certificates name wall-clock times"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
