//! Watches the file of a key set.

use std::time::Duration;

use accredit_core::keys::source::KeySource;

use crate::file_watch::FileWatch;

/// A changed file is read after this time even if its folder continues to change.
const MAX_SETTLE_TIME: Duration = Duration::from_secs(1);

/// The watch of one store's file, if its source is a file.
#[derive(Default)]
pub(in crate::jwks) struct KeyFileWatch {
    watch: Option<FileWatch>,
    /// Whether the latest attempt to watch failed. It is logged once.
    has_failed: bool,
}

impl KeyFileWatch {
    /// Call it before the file is read, so that no change is missed in between.
    pub(in crate::jwks) fn begin(&mut self, source: &KeySource) {
        let KeySource::File(file) = source else {
            return;
        };
        if self.watch.is_some() {
            return;
        }
        match FileWatch::of(file) {
            Ok(watch) => {
                self.watch = Some(watch);
                self.has_failed = false;
            }
            Err(error) if !self.has_failed => {
                self.has_failed = true;
                tracing::warn!(
                    file = %file.display(), %error,
                    "the folder of a key set file cannot be watched; the file is read every `refresh` only"
                );
            }
            Err(_) => {}
        }
    }

    pub(in crate::jwks) fn end(&mut self) {
        self.watch = None;
    }

    /// Resolves when the file has changed. Never, if nothing is watched.
    pub(in crate::jwks) async fn changed(&mut self) {
        match &mut self.watch {
            Some(watch) => watch.settled_within(MAX_SETTLE_TIME).await,
            None => std::future::pending().await,
        }
    }
}
