//! Holds a document against the schema and names all that does not fit, each with its place.
//!
//! It knows the keywords of JSON Schema that the document's types make, no more; a test sees to it that these are all.

use serde_json::Value as Schema;
use serde_json::map::Map;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::structure::expected::{
    allows, alternatives, constants, in_words, nearest, pattern,
};
use crate::config::yaml::scalar;
use crate::config::yaml::tree::{Key, Node, Origin, Value};

/// Checks a document. A string from the environment becomes the number or boolean that the schema wants in its place.
pub fn check(document: &mut Node, schema: &Schema, problems: &mut Problems) {
    Walk {
        root: schema,
        problems,
    }
    .visit(document, schema, "");
}

struct Walk<'w> {
    root: &'w Schema,
    problems: &'w mut Problems,
}

impl<'w> Walk<'w> {
    fn visit(&mut self, node: &mut Node, schema: &'w Schema, at: &str) {
        if node.origin == Origin::Unresolved {
            return;
        }
        let alternatives = alternatives(schema, self.root);
        coerce(node, &alternatives);
        let fitting: Vec<&Schema> = alternatives
            .iter()
            .copied()
            .filter(|one| fits(&node.value, one))
            .collect();
        match fitting.as_slice() {
            [] => self.unwanted(node, &alternatives, at),
            [only] => self.inside(node, only, at),
            several => {
                let fits_wholly = several.iter().any(|one| {
                    let mut problems = Problems::default();
                    Walk {
                        root: self.root,
                        problems: &mut problems,
                    }
                    .inside(&mut node.clone(), one, at);
                    !problems.has_errors()
                });
                if !fits_wholly {
                    self.unwanted(node, &alternatives, at);
                }
            }
        }
    }

    /// A value of a type, or a text, that no alternative allows.
    fn unwanted(&mut self, node: &Node, alternatives: &[&Schema], at: &str) {
        let wanted = in_words(alternatives, self.root);
        let from_environment = node.origin == Origin::Environment;
        let what = match &node.value {
            Value::Null => "there is nothing here".to_owned(),
            _ if from_environment => "what the environment gives here does not fit".to_owned(),
            Value::String(text) if named(alternatives) && text.len() <= MAX_QUOTED => {
                format!("`{text}` is not allowed here")
            }
            Value::String(_) if named(alternatives) => "this text is not allowed here".to_owned(),
            Value::Float(_) if alternatives.iter().any(|one| allows(one, "integer")) => {
                "this is no whole number that fits 64 bits".to_owned()
            }
            value => format!("this is {}", value.kind()),
        };
        let mend = match (&node.value, wanted.as_str()) {
            (_, wanted) if from_environment => format!("let it be {wanted}"),
            (Value::Bool(_) | Value::Integer(_) | Value::Float(_), "a string") => {
                "put it in quotes".to_owned()
            }
            (Value::String(text), wanted) if could_be(text, alternatives).is_some() => {
                format!("take away its quotes: write {wanted}")
            }
            (_, wanted) => format!("write {wanted}"),
        };
        self.problems.error(at, what, mend);
    }

    /// What a schema of the right type says about the value itself and what is in it.
    fn inside(&mut self, node: &mut Node, schema: &'w Schema, at: &str) {
        match &mut node.value {
            Value::Mapping(members) => self.mapping(members, schema, at),
            Value::Sequence(items) => self.sequence(items, schema, at),
            Value::String(text) => {
                if let Some(grammar) = pattern(schema)
                    && let Err(reason) = (grammar.judge)(text)
                {
                    self.problems
                        .error(at, reason, format!("write {}", grammar.words));
                }
            }
            Value::Integer(number) => self.integer(*number, schema, at),
            Value::Null | Value::Bool(_) | Value::Float(_) => {}
        }
    }

    fn mapping(&mut self, members: &mut [(Key, Node)], schema: &'w Schema, at: &str) {
        let none = Map::new();
        let known = schema.get("properties").and_then(Schema::as_object);
        let others = schema
            .get("additionalProperties")
            .filter(|others| others.is_object());
        for (key, node) in members.iter_mut() {
            let at = path::member(at, &key.name);
            match known.and_then(|known| known.get(&key.name)).or(others) {
                Some(schema) => self.visit(node, schema, &at),
                None => self.problems.error(
                    &at,
                    "unknown key",
                    unknown_key_mend(&key.name, known.unwrap_or(&none)),
                ),
            }
        }
        let required = schema
            .get("required")
            .and_then(Schema::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        for name in required.iter().filter_map(Schema::as_str) {
            if !members.iter().any(|(key, _)| key.name == name) {
                let wanted = known
                    .and_then(|known| known.get(name))
                    .map(|schema| in_words(&alternatives(schema, self.root), self.root));
                let mend = format!("add it, with {}", wanted.unwrap_or_default());
                self.problems
                    .error(&path::member(at, name), "this key is missing", mend);
            }
        }
    }

    fn sequence(&mut self, items: &mut [Node], schema: &'w Schema, at: &str) {
        let least = schema
            .get("minItems")
            .and_then(Schema::as_u64)
            .unwrap_or_default();
        if (items.len() as u64) < least {
            let what = if items.is_empty() {
                "this list is empty"
            } else {
                "this list is too short"
            };
            self.problems
                .error(at, what, format!("list at least {least}"));
        }
        let Some(schema) = schema.get("items") else {
            return;
        };
        for (index, item) in items.iter_mut().enumerate() {
            self.visit(item, schema, &path::item(at, index));
        }
    }

    fn integer(&mut self, number: i64, schema: &Schema, at: &str) {
        let bound = |name| schema.get(name).and_then(Schema::as_i64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        let wanted = match (least, most) {
            (Some(least), Some(most)) => format!("write a whole number from {least} to {most}"),
            (Some(least), None) => format!("write a whole number from {least}"),
            _ => "write a smaller one".to_owned(),
        };
        if least.is_some_and(|least| number < least) {
            self.problems.error(at, "this number is too small", wanted);
        } else if most.is_some_and(|most| number > most) {
            self.problems.error(at, "this number is too large", wanted);
        }
    }
}

/// Beyond this a text that is not allowed is not quoted.
const MAX_QUOTED: usize = 64;

fn named(alternatives: &[&Schema]) -> bool {
    alternatives.iter().any(|one| constants(one).is_some())
}

fn fits(value: &Value, schema: &Schema) -> bool {
    match value {
        Value::Null => allows(schema, "null"),
        Value::Bool(_) => allows(schema, "boolean"),
        Value::Integer(_) => allows(schema, "integer") || allows(schema, "number"),
        Value::Float(_) => allows(schema, "number"),
        Value::String(text) => {
            allows(schema, "string")
                && constants(schema).is_none_or(|allowed| allowed.contains(&text.as_str()))
        }
        Value::Sequence(_) => allows(schema, "array"),
        Value::Mapping(_) => allows(schema, "object"),
    }
}

/// `${N}` for a number is read as one, and only where no string is wanted.
fn coerce(node: &mut Node, alternatives: &[&Schema]) {
    if node.origin != Origin::Environment || alternatives.iter().any(|one| allows(one, "string")) {
        return;
    }
    if let Value::String(text) = &node.value
        && let Some(value) = could_be(text, alternatives)
    {
        node.value = value;
    }
}

/// The number or boolean that a text would be without its quotes, if that is wanted.
fn could_be(text: &str, alternatives: &[&Schema]) -> Option<Value> {
    let value = scalar::plain(text);
    let is_scalar = matches!(value, Value::Bool(_) | Value::Integer(_) | Value::Float(_));
    (is_scalar && alternatives.iter().any(|one| fits(&value, one))).then_some(value)
}

fn unknown_key_mend(name: &str, known: &Map<String, Schema>) -> String {
    if let Some(meant) = nearest(name, known.keys()) {
        return format!("did you mean `{meant}`?");
    }
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    format!("remove it; the keys here are {}", names.join(", "))
}

#[cfg(test)]
mod tests;
