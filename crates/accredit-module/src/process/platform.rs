//! The functions that the process needs from the program that it runs in.

use std::io;

use accredit_core::config::filter_config::MetadataForm;
use thiserror::Error;
use tracing::Level;

/// What a thread runs.
pub type ThreadWork = Box<dyn FnOnce() + Send>;

/// Functions of the host program. `host/` has those of Envoy; tests have others.
#[derive(Clone, Copy, Debug)]
pub struct Platform {
    /// Starts a thread that handles no signals: those of the process are Envoy's.
    pub spawn: fn(name: &'static str, work: ThreadWork) -> io::Result<()>,
    /// Writes a line to the log of the host. It can be called on any thread.
    pub log: fn(level: Level, line: &str),
    /// Whether dynamic metadata can have lists and mappings.
    pub has_nested_metadata: bool,
}

/// The host program cannot set metadata with lists and mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("metadata_form: full needs Envoy 1.40 or newer; write `flat` or `none`")]
pub struct NoNestedMetadata;

impl Platform {
    /// # Errors
    /// [`NoNestedMetadata`]
    pub fn require_form(&self, form: MetadataForm) -> Result<(), NoNestedMetadata> {
        match form {
            MetadataForm::Full if !self.has_nested_metadata => Err(NoNestedMetadata),
            MetadataForm::Full | MetadataForm::Flat | MetadataForm::None => Ok(()),
        }
    }
}
