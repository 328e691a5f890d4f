//! How much memory the rules of a file take.

use crate::config::yaml::tree::{YamlNode, YamlValue};

/// The bytes for a value: its place in the document, and what is compiled of it.
const VALUE_BYTES: usize = 96;

/// The bytes for a segment of a path pattern. The compiled pattern exists twice, with and without the bounds of its file.
const SEGMENT_BYTES: usize = 96;

/// How often the text of a value is in memory: in the document, and in the compiled rule.
const COPIES: usize = 2;

/// The bytes that the rules of this document take once they are compiled, without their expressions. An estimate: the author of a
/// file must not be able to make them take many times as much.
pub(crate) fn rules_memory(node: &YamlNode) -> usize {
    let of_value = match &node.value {
        YamlValue::String(text) => {
            let segments = text.bytes().filter(|byte| *byte == b'/').count();
            text.len() * COPIES + segments * SEGMENT_BYTES
        }
        YamlValue::Sequence(items) => items.iter().map(rules_memory).sum(),
        YamlValue::Mapping(members) => members
            .iter()
            .map(|(key, member)| key.name.len() * COPIES + rules_memory(member))
            .sum(),
        YamlValue::Null | YamlValue::Bool(_) | YamlValue::Integer(_) | YamlValue::Float(_) => 0,
    };
    VALUE_BYTES + of_value
}
