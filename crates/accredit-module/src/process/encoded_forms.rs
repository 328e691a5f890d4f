//! The forms of dynamic metadata that are encoded when a token is verified, and cached with it. All configurations share the token cache,
//! so a form is encoded if any of them has it. A form that none has would cost time and memory for nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use accredit::envoy::metadata;
use accredit_core::authn::flat_metadata::FlatMetadata;
use accredit_core::authn::identity::{EncodedIdentity, Identity};
use accredit_core::config::filter_config::MetadataForm;
use accredit_core::engine::Engines;

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

/// Notes that a configuration has this form. `engines` are those of the process.
pub fn use_form(form: MetadataForm, engines: &Engines) {
    ENCODED.add(form, engines);
}

impl EncodedForms {
    pub const fn none() -> EncodedForms {
        EncodedForms {
            has_flat: AtomicBool::new(false),
            has_full: AtomicBool::new(false),
        }
    }

    /// Adds a form. If it is new, the cached tokens do not have it, and their weights do not count it: the engines start again with
    /// empty token caches. Otherwise the form would have to be encoded at every check of these tokens, or kept beyond the limit of the
    /// cache (CONTRACT 7.3.1).
    pub fn add(&self, form: MetadataForm, engines: &Engines) {
        let was_there = match form {
            MetadataForm::Full => self.has_full.swap(true, Ordering::AcqRel),
            MetadataForm::Flat => self.has_flat.swap(true, Ordering::AcqRel),
            MetadataForm::None => true,
        };
        if !was_there {
            engines.clear_token_caches();
        }
    }

    /// Encodes these forms.
    pub fn encode(&self, identity: &Identity) -> EncodedIdentity {
        let has_full = self.has_full.load(Ordering::Acquire);
        let has_flat = self.has_flat.load(Ordering::Acquire);
        EncodedIdentity {
            headers: Box::default(),
            metadata: has_full.then(|| metadata::of_identity(identity)),
            flat_metadata: has_flat.then(|| flat_metadata(identity).into()),
        }
    }
}

/// The form without lists and mappings.
pub fn flat_metadata(identity: &Identity) -> FlatMetadata {
    let fields = identity.metadata();
    FlatMetadata::of(fields.iter().map(|(name, value)| (*name, value)))
}
