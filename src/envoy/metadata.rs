//! Writes a decision as dynamic metadata, which Envoy keeps under `envoy.filters.http.ext_authz` (CONTRACT 4.13).

use accredit_core::authn::token_metadata::MetadataValue;
use accredit_core::authz::record::{DecisionRecord, MetadataField};
use envoy_types::pb::google::protobuf::value::Kind as ValueKind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};

/// The metadata of a decision.
pub fn write(record: &DecisionRecord) -> Struct {
    let mut metadata = Struct::default();
    for (name, field) in record.metadata() {
        let value = match field {
            MetadataField::Text(text) => kind(ValueKind::StringValue(text.to_owned())),
            MetadataField::Value(own) => value(own),
        };
        metadata.fields.insert(name.to_owned(), value);
    }
    metadata
}

fn value(own: &MetadataValue) -> Value {
    kind(match own {
        MetadataValue::Null => ValueKind::NullValue(0),
        MetadataValue::Bool(flag) => ValueKind::BoolValue(*flag),
        MetadataValue::Number(number) => ValueKind::NumberValue(*number),
        MetadataValue::Text(text) => ValueKind::StringValue(text.clone()),
        MetadataValue::List(values) => ValueKind::ListValue(ListValue {
            values: values.iter().map(value).collect(),
        }),
        MetadataValue::Map(members) => ValueKind::StructValue(Struct {
            fields: members
                .iter()
                .map(|(name, member)| (name.clone(), value(member)))
                .collect(),
        }),
    })
}

fn kind(kind: ValueKind) -> Value {
    Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
    use envoy_types::pb::google::protobuf::Struct;
    use prost::Message as _;

    use super::value;
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
            let mut metadata = Struct::default();
            metadata.fields.insert("claims".to_owned(), value(&claims));
            let answer = CheckResponse {
                dynamic_metadata: Some(metadata),
                ..CheckResponse::default()
            };
            let read = CheckResponse::decode(&answer.encode_to_vec()[..]);
            assert!(read.is_ok());
        }
    }
}
