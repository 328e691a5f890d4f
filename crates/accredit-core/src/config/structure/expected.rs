//! The alternatives that a schema permits in one place, and their description in words.

use serde_json::Value;

use crate::config::structure::grammar::{Grammar, grammar};
use crate::config::yaml::tree::{YamlKey, YamlNode, YamlValue};

/// The alternatives of a schema as a flat list: references are followed, and `anyOf` and `oneOf` are expanded.
pub fn alternatives<'s>(schema: &'s Value, root: &'s Value) -> Vec<&'s Value> {
    let schema = follow(schema, root);
    match schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))
        .and_then(Value::as_array)
    {
        Some(several) => several
            .iter()
            .flat_map(|one| alternatives(one, root))
            .collect(),
        None => vec![schema],
    }
}

/// Whether a schema allows this type of JSON Schema.
pub fn allows(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// The texts that a schema allows, if it lists them.
pub(crate) fn constants(schema: &Value) -> Option<Vec<&str>> {
    let named = match (schema.get("const"), schema.get("enum")) {
        (Some(only), _) => std::slice::from_ref(only),
        (None, Some(Value::Array(several))) => several,
        _ => return None,
    };
    Some(named.iter().filter_map(Value::as_str).collect())
}

/// The grammar of the strings that a schema allows, if it has a pattern.
pub(crate) fn pattern(schema: &Value) -> Option<&'static Grammar> {
    grammar(schema.get("pattern")?.as_str()?)
}

/// The simplest value that fits a schema.
pub fn placeholder(schema: &Value, root: &Value) -> YamlValue {
    let schema = alternatives(schema, root)
        .first()
        .copied()
        .unwrap_or(schema);
    if let Some(text) = constants(schema).and_then(|texts| texts.first().copied()) {
        return YamlValue::String(text.to_owned());
    }
    if allows(schema, "string") {
        // For a pattern, the first example is used.
        let example = pattern(schema).and(schema.pointer("/examples/0"));
        let text = example.and_then(Value::as_str).unwrap_or("placeholder");
        return YamlValue::String(text.to_owned());
    }
    if allows(schema, "integer") || allows(schema, "number") {
        let least = schema.get("minimum").and_then(Value::as_i64);
        return YamlValue::Integer(least.unwrap_or_default());
    }
    if allows(schema, "boolean") {
        return YamlValue::Bool(false);
    }
    if allows(schema, "array") {
        return YamlValue::Sequence(Vec::new());
    }
    let required = schema.get("required").and_then(Value::as_array);
    let members = required.into_iter().flatten().filter_map(Value::as_str);
    YamlValue::Mapping(
        members
            .map(|name| {
                let (line, column) = (0, 0);
                let value = schema
                    .pointer(&format!("/properties/{name}"))
                    .map_or(YamlValue::Null, |member| placeholder(member, root));
                let name = name.to_owned();
                let key = YamlKey { name, line, column };
                (key, YamlNode::new(value, line, column))
            })
            .collect(),
    )
}

/// The alternatives in words: "a list of strings or `any`".
pub(crate) fn in_words(alternatives: &[&Value], root: &Value) -> String {
    let mut words: Vec<String> = Vec::new();
    for schema in alternatives {
        for word in words_of(schema, root) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    listed(&words, "or")
}

/// "a, b or c".
pub fn listed(words: &[String], joint: &str) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}

/// The name among `known` that was probably meant by `name`.
pub(crate) fn nearest<'k>(
    name: &str,
    known: impl Iterator<Item = &'k String>,
) -> Option<&'k String> {
    let folded = |text: &str| text.to_lowercase().replace('-', "_");
    let name = folded(name);
    let bound = (name.chars().count() / 3).clamp(1, 2);
    known
        .map(|candidate| (strsim::levenshtein(&name, &folded(candidate)), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min()
        .map(|(_, candidate)| candidate)
}

fn follow<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let target = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.strip_prefix('#'));
    target
        .and_then(|pointer| root.pointer(pointer))
        .unwrap_or(schema)
}

fn words_of(schema: &Value, root: &Value) -> Vec<String> {
    if let Some(constants) = constants(schema) {
        return constants
            .into_iter()
            .map(|text| format!("`{text}`"))
            .collect();
    }
    if let Some(grammar) = pattern(schema) {
        return vec![grammar.words.to_owned()];
    }
    let simple = [
        ("string", "a string"),
        ("integer", "a whole number"),
        ("number", "a number"),
        ("boolean", "`true` or `false`"),
    ];
    let mut words: Vec<String> = simple
        .into_iter()
        .filter(|(name, _)| allows(schema, name))
        .map(|(_, word)| word.to_owned())
        .collect();
    if allows(schema, "array") {
        words.push(list_words(schema, root));
    }
    if allows(schema, "object") {
        words.push(mapping_words(schema));
    }
    words
}

fn list_words(schema: &Value, root: &Value) -> String {
    let items = schema
        .get("items")
        .map(|items| alternatives(items, root))
        .unwrap_or_default();
    let all = |name| {
        items
            .iter()
            .all(|item| allows(item, name) && constants(item).is_none() && pattern(item).is_none())
    };
    match items.as_slice() {
        [] => "a list".to_owned(),
        _ if all("string") => "a list of strings".to_owned(),
        _ if all("object") => "a list of mappings".to_owned(),
        _ => format!("a list in which each element is {}", in_words(&items, root)),
    }
}

fn mapping_words(schema: &Value) -> String {
    let required = schema
        .get("required")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let names: Vec<String> = required
        .iter()
        .filter_map(Value::as_str)
        .map(|name| format!("`{name}`"))
        .collect();
    if names.is_empty() {
        "a mapping".to_owned()
    } else {
        format!("a mapping with {}", listed(&names, "and"))
    }
}
