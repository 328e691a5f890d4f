//! Writes a decision as dynamic metadata, which Envoy keeps under `envoy.filters.http.ext_authz` (CONTRACT 4.13): the fields of
//! a `google.protobuf.Struct`.

use std::sync::Arc;

use accredit_core::authn::identity::Identity;
use accredit_core::authn::token_metadata::MetadataValue;
use accredit_core::authz::record::{DecisionRecord, TokenRecord};

use crate::envoy::message_writer::MessageWriter;

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

/// Writes the metadata of a decision.
pub fn write(record: &DecisionRecord, metadata: &mut MessageWriter) {
    for (name, text) in record.metadata() {
        entry(metadata, name, |value| value.text(STRING_VALUE, text));
    }
    match &record.token {
        TokenRecord::Verified(identity) => match identity.encoded() {
            Some(parts) => metadata.append(&parts.metadata),
            None => write_identity(identity, metadata),
        },
        TokenRecord::NotRead | TokenRecord::NotAccepted { .. } => {
            let (names, of_token) = record.unaccepted_metadata();
            for (name, text) in names {
                entry(metadata, name, |value| value.text(STRING_VALUE, text));
            }
            write_fields(of_token, metadata);
        }
    }
}

/// Writes the values of `metadata` of the configuration.
pub fn write_computed(values: &[(Arc<str>, MetadataValue)], metadata: &mut MessageWriter) {
    for (name, own) in values {
        entry(metadata, name, |value| write_value(own, value));
    }
}

/// Writes the part of the metadata that depends on the token alone.
pub fn write_identity(identity: &Identity, metadata: &mut MessageWriter) {
    write_fields(&identity.metadata(), metadata);
}

fn write_fields(fields: &[(&'static str, MetadataValue)], metadata: &mut MessageWriter) {
    for (name, own) in fields {
        entry(metadata, name, |value| write_value(own, value));
    }
}

fn entry(metadata: &mut MessageWriter, name: &str, write: impl FnOnce(&mut MessageWriter)) {
    metadata.message(FIELDS, |entry| {
        entry.text(ENTRY_NAME, name);
        entry.message(ENTRY_VALUE, write);
    });
}

/// A metadata value has at most 16 levels, so that this recursion is bounded.
fn write_value(own: &MetadataValue, value: &mut MessageWriter) {
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
                entry(object, name, |value| write_value(own, value));
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
    use prost::Message as _;

    use super::{entry, write_value};
    use crate::envoy::message_writer::MessageWriter;
    use accredit_core::authn::token_metadata::MetadataValue;

    /// The reader of prost has the same limit of nested messages as Envoy's.
    #[test]
    fn the_deepest_metadata_value_can_be_decoded() {
        let nest = |wrap: &dyn Fn(MetadataValue) -> MetadataValue| {
            (0..16).fold(MetadataValue::Text("1".to_owned()), |value, _| wrap(value))
        };
        let list = nest(&|value| MetadataValue::List(vec![value]));
        let map = nest(&|value| MetadataValue::Map(vec![("a".to_owned(), value)]));
        for nested in [list, map] {
            let claims = MetadataValue::Map(vec![("c".to_owned(), nested)]);
            let mut answer = MessageWriter::default();
            answer.message(4, |metadata| {
                entry(metadata, "claims", |value| write_value(&claims, value));
            });
            let read = CheckResponse::decode(&answer.into_bytes()[..]);
            assert!(read.is_ok_and(|answer| answer.dynamic_metadata.is_some()));
        }
    }
}
