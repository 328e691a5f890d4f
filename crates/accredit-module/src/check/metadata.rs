//! Sets the dynamic metadata of a decision (CONTRACT 9.4), in the form that the configuration names.

use std::sync::Arc;

use accredit::envoy::message_writer::MessageWriter;
use accredit::envoy::metadata;
use accredit_core::authn::flat_metadata::FlatMetadata;
use accredit_core::authn::token_metadata::MetadataValue;
use accredit_core::authz::record::{DecisionRecord, TokenRecord};
use accredit_core::config::filter_config::MetadataForm;

use crate::check::http_stream::HttpStream;
use crate::process::encoded_forms::flat_metadata;

/// Sets the metadata of a decision. What the token gives was encoded when it was verified
/// ([`encoded_forms`](crate::process::encoded_forms)). It is encoded now if no configuration had this form at that time. `computed` are
/// the values of `metadata` of the configuration (CONTRACT 8.6).
pub fn set(
    stream: &mut impl HttpStream,
    record: &DecisionRecord,
    computed: &[(Arc<str>, MetadataValue)],
    form: MetadataForm,
) {
    match form {
        MetadataForm::None => {}
        MetadataForm::Flat => set_flat(stream, record, computed),
        MetadataForm::Full => {
            let mut fields = MessageWriter::default();
            metadata::write(record, &mut fields);
            metadata::write_computed(computed, &mut fields);
            stream.set_metadata_struct(&fields.into_bytes());
        }
    }
}

/// Sets every text in one call: each call of Envoy builds and merges a message.
fn set_flat(
    stream: &mut impl HttpStream,
    record: &DecisionRecord,
    computed: &[(Arc<str>, MetadataValue)],
) {
    let mut rest = FlatMetadata::default();
    let mut of_identity = None;
    match &record.token {
        TokenRecord::Verified(identity) => {
            of_identity = identity
                .encoded()
                .and_then(|parts| parts.flat_metadata.as_deref());
            if of_identity.is_none() {
                rest = flat_metadata(identity);
            }
        }
        TokenRecord::NotRead | TokenRecord::NotAccepted { .. } => {
            let (names, of_token) = record.unaccepted_metadata();
            for (name, text) in names {
                rest.push_text(name, text);
            }
            for (name, value) in of_token {
                rest.push(name, value);
            }
        }
    }
    for (name, value) in computed {
        rest.push(name, value);
    }
    let all = || of_identity.into_iter().chain([&rest]);
    let texts = all().flat_map(FlatMetadata::texts);
    let of_decision = record.metadata();
    let count = of_decision.len() + all().map(FlatMetadata::text_count).sum::<usize>();
    stream.set_metadata_texts(of_decision.into_iter().chain(texts), count);
    for (name, number) in all().flat_map(FlatMetadata::numbers) {
        stream.set_metadata_number(name, number);
    }
}

#[cfg(test)]
pub(in crate::check) mod tests;
