//! How much memory the rules of a file take.

use crate::config::rule_document::RuleDocument;
use crate::config::yaml::tree::{YamlNode, YamlValue};
use crate::rules::rule::Rule;

/// The bytes for a value: its place in the document, and what is compiled of it.
const VALUE_BYTES: usize = 96;

/// The bytes for a segment of a path pattern. The compiled pattern exists twice, with and without the bounds of its file.
const SEGMENT_BYTES: usize = 96;

/// The bytes for a rule with nothing in it: its document, and the rule with and without the bounds of its file.
const RULE_BYTES: usize = 2048;

const _: () = assert!(size_of::<RuleDocument>() + 2 * size_of::<Rule>() < RULE_BYTES);

/// How often the text of a value is in memory: in the document, and in the compiled rule.
const COPIES: usize = 2;

/// The bytes that the rules of this document take once they are compiled, without their expressions. An estimate: the author of a
/// file must not be able to make them take many times as much.
pub(crate) fn rules_memory(root: &YamlNode) -> usize {
    let rules = match &root.value {
        YamlValue::Sequence(items) => items.len(),
        _ => 0,
    };
    rules * RULE_BYTES + value_memory(root)
}

fn value_memory(node: &YamlNode) -> usize {
    let of_value = match &node.value {
        YamlValue::String(text) => {
            let segments = text.bytes().filter(|byte| *byte == b'/').count();
            text.len() * COPIES + segments * SEGMENT_BYTES
        }
        YamlValue::Sequence(items) => items.iter().map(value_memory).sum(),
        YamlValue::Mapping(members) => members
            .iter()
            .map(|(key, member)| key.name.len() * COPIES + value_memory(member))
            .sum(),
        YamlValue::Null | YamlValue::Bool(_) | YamlValue::Integer(_) | YamlValue::Float(_) => 0,
    };
    VALUE_BYTES + of_value
}
