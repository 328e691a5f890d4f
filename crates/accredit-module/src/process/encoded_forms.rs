//! The forms of dynamic metadata that are encoded when a token is verified, and cached with it. All configurations share the token cache,
//! so a form is encoded if any of them has it. A form that none has would cost time and memory for nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use accredit::envoy::message_writer::MessageWriter;
use accredit::envoy::metadata::write_identity;
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

/// Notes that a configuration has this form. A token that was verified before has no such encoding: its metadata is written at each
/// check until it leaves the cache.
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

    /// An encoding that is not among these forms is empty. No other is, because each token has an issuer.
    pub fn encode(&self, identity: &Identity) -> EncodedIdentity {
        let mut full = MessageWriter::default();
        if self.has_full.load(Ordering::Relaxed) {
            write_identity(identity, &mut full);
        }
        let mut flat = FlatMetadata::default();
        if self.has_flat.load(Ordering::Relaxed) {
            let fields = identity.metadata();
            flat = FlatMetadata::of(fields.iter().map(|(name, value)| (*name, value)));
        }
        EncodedIdentity {
            headers: Box::default(),
            metadata: full.into_bytes().into(),
            flat_metadata: flat,
        }
    }
}
