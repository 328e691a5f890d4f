//! Writes a decision as dynamic metadata, which Envoy keeps under `envoy.filters.http.ext_authz` (CONTRACT 4.13): the fields of
//! a `google.protobuf.Struct`.

use std::sync::Arc;

use accredit_core::authn::identity::{EncodedIdentity, Identity};
use accredit_core::authn::token_metadata::MetadataValue;
use accredit_core::authz::record::{DecisionRecord, TokenRecord};

use crate::envoy::message_writer::{MessageWriter, message_size, text_size};

/// `Struct.fields`, and the fields of its map's entries.
const FIELDS: u32 = 1;
const ENTRY_NAME: u32 = 1;
const ENTRY_VALUE: u32 = 2;

/// The fields of `Value`, of which one is set.
const NULL_VALUE: u32 = 1;
const NUMBER_VALUE: u32 = 2;
const STRING_VALUE: u32 = 3;
const BOOL_VALUE: u32 = 4;
const STRUCT_VALUE: u32 = 5;
const LIST_VALUE: u32 = 6;

/// `ListValue.values`
const VALUES: u32 = 1;

/// The bytes of the metadata of most tokens.
const USUAL_METADATA: usize = 512;

/// Writes the metadata of a decision.
pub fn write(record: &DecisionRecord, metadata: &mut MessageWriter) {
    for (name, text) in record.metadata() {
        text_entry(metadata, name, text);
    }
    match &record.token {
        TokenRecord::Verified(identity) => match identity.encoded() {
            Some(EncodedIdentity {
                metadata: Some(encoded),
                ..
            }) => metadata.append(encoded),
            Some(_) | None => write_identity(identity, metadata),
        },
        TokenRecord::NotRead | TokenRecord::NotAccepted { .. } => {
            let (names, of_token) = record.unaccepted_metadata();
            for (name, text) in names {
                text_entry(metadata, name, text);
            }
            write_fields(of_token, metadata);
        }
    }
}

/// Writes the values of `metadata` of the configuration.
pub fn write_computed(values: &[(Arc<str>, MetadataValue<'_>)], metadata: &mut MessageWriter) {
    for (name, own) in values {
        entry(metadata, name, own);
    }
}

/// The part of the metadata that depends on the token alone.
pub fn of_identity(identity: &Identity) -> Box<[u8]> {
    let mut metadata = MessageWriter::after(Vec::with_capacity(USUAL_METADATA));
    write_identity(identity, &mut metadata);
    metadata.into_bytes().into()
}

fn write_identity(identity: &Identity, metadata: &mut MessageWriter) {
    write_fields(&identity.metadata(), metadata);
}

fn write_fields(fields: &[(&'static str, MetadataValue<'_>)], metadata: &mut MessageWriter) {
    for (name, own) in fields {
        entry(metadata, name, own);
    }
}

fn entry(metadata: &mut MessageWriter, name: &str, own: &MetadataValue<'_>) {
    if let MetadataValue::Text(text) = own {
        return text_entry(metadata, name, text);
    }
    metadata.message(FIELDS, |entry| {
        entry.text(ENTRY_NAME, name);
        entry.message(ENTRY_VALUE, |value| write_value(own, value));
    });
}

/// An entry with a text, as most are. The lengths of its messages are known before they are written.
fn text_entry(metadata: &mut MessageWriter, name: &str, text: &str) {
    let value = text_size(text);
    metadata.begin(FIELDS, text_size(name) + message_size(value));
    metadata.text(ENTRY_NAME, name);
    metadata.begin(ENTRY_VALUE, value);
    metadata.text(STRING_VALUE, text);
}

/// A metadata value has at most 16 levels, so that this recursion is bounded.
fn write_value(own: &MetadataValue<'_>, value: &mut MessageWriter) {
    match own {
        MetadataValue::Null => value.varint(NULL_VALUE, 0),
        MetadataValue::Bool(flag) => value.varint(BOOL_VALUE, u64::from(*flag)),
        MetadataValue::Number(number) => value.double(NUMBER_VALUE, *number),
        MetadataValue::Text(text) => value.text(STRING_VALUE, text),
        MetadataValue::List(values) => value.message(LIST_VALUE, |list| {
            for own in values {
                list.message(VALUES, |value| write_value(own, value));
            }
        }),
        MetadataValue::Map(members) => value.message(STRUCT_VALUE, |object| {
            for (name, own) in members {
                entry(object, name, own);
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
    use prost::Message as _;

    use super::entry;
    use crate::envoy::message_writer::MessageWriter;
    use accredit_core::authn::token_metadata::MetadataValue;

    /// The reader of prost has the same limit of nested messages as Envoy's.
    #[test]
    fn the_deepest_metadata_value_can_be_decoded() {
        type Wrap = fn(MetadataValue<'static>) -> MetadataValue<'static>;
        let nest =
            |wrap: Wrap| (0..16).fold(MetadataValue::Text("1".into()), |value, _| wrap(value));
        let list = nest(|value| MetadataValue::List(vec![value]));
        let map = nest(|value| MetadataValue::Map(vec![("a".into(), value)]));
        for nested in [list, map] {
            let claims = MetadataValue::Map(vec![("c".into(), nested)]);
            let mut answer = MessageWriter::default();
            answer.message(4, |metadata| {
                entry(metadata, "claims", &claims);
            });
            let read = CheckResponse::decode(&answer.into_bytes()[..]);
            assert!(read.is_ok_and(|answer| answer.dynamic_metadata.is_some()));
        }
    }
}
