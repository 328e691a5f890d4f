//! Sets the dynamic metadata of a decision (CONTRACT 9.4), in the form that the configuration names.

use std::sync::Arc;

use accredit::envoy::message_writer::MessageWriter;
use accredit::envoy::metadata;
use accredit_core::authn::token_metadata::MetadataValue;
use accredit_core::authz::record::{DecisionRecord, TokenRecord};
use accredit_core::config::filter_config::MetadataForm;

use crate::check::http_stream::HttpStream;

/// Sets the metadata of a decision. `computed` are the values of `metadata` of the configuration (CONTRACT 8.6).
pub fn set(
    stream: &mut impl HttpStream,
    record: &DecisionRecord,
    computed: &[(Arc<str>, MetadataValue)],
    form: MetadataForm,
) {
    match form {
        MetadataForm::None => {}
        MetadataForm::Flat => {
            set_flat(stream, record);
            for (name, value) in computed {
                set_value(stream, name, value);
            }
        }
        MetadataForm::Full => {
            let mut fields = MessageWriter::default();
            metadata::write(record, &mut fields);
            metadata::write_computed(computed, &mut fields);
            stream.set_metadata_struct(&fields.into_bytes());
        }
    }
}

fn set_flat(stream: &mut impl HttpStream, record: &DecisionRecord) {
    for (name, text) in record.metadata() {
        stream.set_metadata_text(name, text);
    }
    match &record.token {
        TokenRecord::Verified(identity) => {
            for (name, value) in &identity.metadata() {
                set_value(stream, name, value);
            }
        }
        TokenRecord::NotRead | TokenRecord::NotAccepted { .. } => {
            let (names, of_token) = record.unaccepted_metadata();
            for (name, text) in names {
                stream.set_metadata_text(name, text);
            }
            for (name, value) in of_token {
                set_value(stream, name, value);
            }
        }
    }
}

/// A list of texts is joined by spaces, as scopes are; a mapping gives `NAME.MEMBER` for each member that is a scalar.
fn set_value(stream: &mut impl HttpStream, name: &str, value: &MetadataValue) {
    match value {
        MetadataValue::List(values) => {
            let texts = values.iter().map(|value| match value {
                MetadataValue::Text(text) => Some(text.as_str()),
                _ => None,
            });
            if let Some(texts) = texts.collect::<Option<Vec<_>>>() {
                stream.set_metadata_text(name, &texts.join(" "));
            }
        }
        MetadataValue::Map(members) => {
            for (member, value) in members {
                set_scalar(stream, &format!("{name}.{member}"), value);
            }
        }
        scalar => set_scalar(stream, name, scalar),
    }
}

fn set_scalar(stream: &mut impl HttpStream, name: &str, value: &MetadataValue) {
    match value {
        MetadataValue::Text(text) => stream.set_metadata_text(name, text),
        MetadataValue::Number(number) => stream.set_metadata_number(name, *number),
        MetadataValue::Bool(true) => stream.set_metadata_text(name, "true"),
        MetadataValue::Bool(false) => stream.set_metadata_text(name, "false"),
        MetadataValue::Null | MetadataValue::List(_) | MetadataValue::Map(_) => {}
    }
}
