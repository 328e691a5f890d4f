//! The forms of dynamic metadata that are encoded when a token is verified, and cached with it. All configurations share the token cache,
//! so a form is encoded if any of them has it. A form that none has would cost time and memory for nothing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use accredit::envoy::metadata;
use accredit_core::authn::flat_metadata::FlatMetadata;
use accredit_core::authn::identity::{EncodedIdentity, Identity};
use accredit_core::config::filter_config::MetadataForm;

/// The forms that configurations have or had.
#[derive(Debug)]
pub struct EncodedForms {
    has_flat: AtomicBool,
    has_full: AtomicBool,
}

/// Those of this process.
static ENCODED: EncodedForms = EncodedForms::none();

/// Encodes a new identity in the forms of this process. Headers are set one by one.
pub fn encode_identity(identity: &Identity) -> EncodedIdentity {
    ENCODED.encode(identity)
}

/// Notes that a configuration has this form. For a token that was verified before, the form is encoded at the next check.
pub fn use_form(form: MetadataForm) {
    ENCODED.add(form);
}

impl EncodedForms {
    pub const fn none() -> EncodedForms {
        EncodedForms {
            has_flat: AtomicBool::new(false),
            has_full: AtomicBool::new(false),
        }
    }

    pub fn add(&self, form: MetadataForm) {
        match form {
            MetadataForm::Full => self.has_full.store(true, Ordering::Relaxed),
            MetadataForm::Flat => self.has_flat.store(true, Ordering::Relaxed),
            MetadataForm::None => {}
        }
    }

    /// Encodes these forms.
    pub fn encode(&self, identity: &Identity) -> EncodedIdentity {
        let has_full = self.has_full.load(Ordering::Relaxed);
        let has_flat = self.has_flat.load(Ordering::Relaxed);
        EncodedIdentity {
            headers: Box::default(),
            metadata: match has_full {
                true => metadata::of_identity(identity).into(),
                false => OnceLock::new(),
            },
            flat_metadata: match has_flat {
                true => flat_metadata(identity).into(),
                false => OnceLock::new(),
            },
        }
    }
}

/// The form without lists and mappings.
pub fn flat_metadata(identity: &Identity) -> FlatMetadata {
    let fields = identity.metadata();
    FlatMetadata::of(fields.iter().map(|(name, value)| (*name, value)))
}
