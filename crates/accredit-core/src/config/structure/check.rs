//! Checks a document against the schema and reports every violation with its place.
//!
//! It supports the keywords of JSON Schema that the types of the document produce. A test checks that these are all.

use serde_json::Value as Schema;
use serde_json::map::Map;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::config::structure::expected::{
    allows, alternatives, constants, in_words, nearest, pattern, placeholder,
};
use crate::config::structure::hints;
use crate::config::yaml::scalar;
use crate::config::yaml::tree::{Origin, YamlKey, YamlNode, YamlValue};

/// Checks a document. A string from the environment becomes a number or boolean if the schema requires one. A value with a
/// problem is replaced by a placeholder that fits the schema. Returns the key paths of these values.
pub fn check(document: &mut YamlNode, schema: &Schema, problems: &mut Problems) -> Vec<String> {
    let mut repaired = Vec::new();
    StructureCheck {
        root: schema,
        problems,
        repaired: &mut repaired,
    }
    .visit(document, schema, "");
    repaired
}

struct StructureCheck<'w> {
    root: &'w Schema,
    problems: &'w mut Problems,
    repaired: &'w mut Vec<String>,
}

impl<'w> StructureCheck<'w> {
    fn visit(&mut self, node: &mut YamlNode, schema: &'w Schema, at: &str) {
        let alternatives = alternatives(schema, self.root);
        if node.origin == Origin::Unresolved {
            self.repair(node, &alternatives, at);
            return;
        }
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
                    StructureCheck {
                        root: self.root,
                        problems: &mut problems,
                        repaired: &mut Vec::new(),
                    }
                    .inside(&mut node.clone(), one, at);
                    !problems.has_errors()
                });
                match closest(&node.value, several) {
                    _ if fits_wholly => {}
                    Some(schema) => self.inside(node, schema, at),
                    None => self.unwanted(node, &alternatives, at),
                }
            }
        }
    }

    /// Reports a value whose type or text no alternative permits.
    fn unwanted(&mut self, node: &mut YamlNode, alternatives: &[&Schema], at: &str) {
        let wanted = in_words(alternatives, self.root);
        let from_environment = node.origin == Origin::Environment;
        let what = match &node.value {
            YamlValue::Null => "there is no value here".into(),
            _ if from_environment => "the value from the environment does not fit".into(),
            YamlValue::String(text) if named(alternatives) && text.len() <= MAX_QUOTED => {
                Sentence::quoting(at, text).and(" is not allowed here")
            }
            YamlValue::String(_) if named(alternatives) => "this text is not allowed here".into(),
            YamlValue::Float(_) if alternatives.iter().any(|one| allows(one, "integer")) => {
                "this is not a whole number of 64 bits".into()
            }
            value => Sentence::own(format!("this is {}", value.kind())),
        };
        let advice = match (&node.value, wanted.as_str()) {
            (YamlValue::Null, wanted) => format!("write {wanted}, or remove the key"),
            (_, wanted) if from_environment => format!("set the variable to {wanted}"),
            (YamlValue::Bool(_) | YamlValue::Integer(_) | YamlValue::Float(_), "a string") => {
                "put it in quotes".to_owned()
            }
            (YamlValue::String(text), wanted) if could_be(text, alternatives).is_some() => {
                format!("remove the quotes: write {wanted}")
            }
            (_, wanted) => format!("write {wanted}"),
        };
        self.problems.error(at, what, Sentence::own(advice));
        self.repair(node, alternatives, at);
    }

    fn repair(&mut self, node: &mut YamlNode, alternatives: &[&Schema], at: &str) {
        if let Some(schema) = alternatives.first() {
            node.value = placeholder(schema, self.root);
        }
        self.repaired.push(at.to_owned());
    }

    /// Checks a value against a schema of its type.
    fn inside(&mut self, node: &mut YamlNode, schema: &'w Schema, at: &str) {
        match &mut node.value {
            YamlValue::Mapping(members) => self.mapping(members, schema, at),
            YamlValue::Sequence(items) => self.sequence(items, schema, at),
            YamlValue::String(text) => {
                if let Some(grammar) = pattern(schema)
                    && let Err(reason) = (grammar.judge)(text)
                {
                    let advice = Sentence::own(format!("write {}", grammar.words));
                    self.problems.error(at, Sentence::own(reason), advice);
                    self.repair(node, &[schema], at);
                }
            }
            YamlValue::Integer(number) => {
                if !self.integer(*number, schema, at) {
                    self.repair(node, &[schema], at);
                }
            }
            YamlValue::Null | YamlValue::Bool(_) | YamlValue::Float(_) => {}
        }
    }

    fn mapping(&mut self, members: &mut Vec<(YamlKey, YamlNode)>, schema: &'w Schema, at: &str) {
        let none = Map::new();
        let known = schema.get("properties").and_then(Schema::as_object);
        let others = schema
            .get("additionalProperties")
            .filter(|others| others.is_object());
        let is_open = schema.get("additionalProperties") == Some(&Schema::Bool(true));
        if members.is_empty() && schema.get("minProperties").is_some() {
            self.problems
                .error(at, "this mapping is empty", EMPTY_ADVICE);
            self.repaired.push(at.to_owned());
        }
        members.retain_mut(|(key, node)| {
            let at = path::member(at, &key.name);
            match known.and_then(|known| known.get(&key.name)).or(others) {
                Some(schema) => {
                    self.visit(node, schema, &at);
                    true
                }
                None if is_open => true,
                None => {
                    // A key with `${` is reported already.
                    if node.origin != Origin::Unresolved {
                        let advice = unknown_key_advice(&key.name, known.unwrap_or(&none));
                        let advice = Sentence::own(advice);
                        self.problems.error(&at, "unknown key", advice);
                    }
                    self.repaired.push(at);
                    false
                }
            }
        });
        let required = schema
            .get("required")
            .and_then(Schema::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        for name in required.iter().filter_map(Schema::as_str) {
            if !members.iter().any(|(key, _)| key.name == name) {
                let alternatives = known
                    .and_then(|known| known.get(name))
                    .map(|schema| alternatives(schema, self.root))
                    .unwrap_or_default();
                let advice = format!("add it, with {}", in_words(&alternatives, self.root));
                let at = path::member(at, name);
                let advice = Sentence::own(advice);
                self.problems.error(&at, "this key is missing", advice);
                let mut node = YamlNode::new(YamlValue::Null, 0, 0);
                self.repair(&mut node, &alternatives, &at);
                let (line, column) = (0, 0);
                let name = name.to_owned();
                members.push((YamlKey { name, line, column }, node));
            }
        }
    }

    fn sequence(&mut self, items: &mut [YamlNode], schema: &'w Schema, at: &str) {
        if items.is_empty() && schema.get("minItems").is_some() {
            self.problems.error(at, "this list is empty", EMPTY_ADVICE);
            self.repaired.push(at.to_owned());
        }
        let Some(schema) = schema.get("items") else {
            return;
        };
        for (index, item) in items.iter_mut().enumerate() {
            self.visit(item, schema, &path::item(at, index));
        }
    }

    fn integer(&mut self, number: i64, schema: &Schema, at: &str) -> bool {
        let bound = |name| schema.get(name).and_then(Schema::as_i64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        let wanted = Sentence::own(match (least, most) {
            (Some(least), Some(most)) => format!("write a whole number from {least} to {most}"),
            (Some(least), None) => format!("write a whole number from {least}"),
            _ => "write a smaller one".to_owned(),
        });
        if least.is_some_and(|least| number < least) {
            self.problems.error(at, "this number is too small", wanted);
        } else if most.is_some_and(|most| number > most) {
            self.problems.error(at, "this number is too large", wanted);
        } else {
            return true;
        }
        false
    }
}

/// An empty collection looks like a restriction, but would restrict nothing (CONTRACT 3.1.6).
const EMPTY_ADVICE: &str = "add an element, or remove the key";

/// A longer text is not quoted in a problem.
const MAX_QUOTED: usize = 64;

fn named(alternatives: &[&Schema]) -> bool {
    alternatives.iter().any(|one| constants(one).is_some())
}

fn fits(value: &YamlValue, schema: &Schema) -> bool {
    match value {
        YamlValue::Null => allows(schema, "null"),
        YamlValue::Bool(_) => allows(schema, "boolean"),
        YamlValue::Integer(_) => allows(schema, "integer") || allows(schema, "number"),
        YamlValue::Float(_) => allows(schema, "number"),
        YamlValue::String(text) => {
            allows(schema, "string")
                && constants(schema).is_none_or(|allowed| allowed.contains(&text.as_str()))
        }
        YamlValue::Sequence(_) => allows(schema, "array"),
        YamlValue::Mapping(_) => allows(schema, "object"),
    }
}

/// The alternative that has the most keys of the mapping, if there is only one. The author probably meant that one.
fn closest<'s>(value: &YamlValue, alternatives: &[&'s Schema]) -> Option<&'s Schema> {
    let YamlValue::Mapping(members) = value else {
        return None;
    };
    let known = |schema: &Schema| {
        let properties = schema.get("properties").and_then(Schema::as_object);
        properties.map_or(0, |known| {
            let names = members.iter().map(|(key, _)| &key.name);
            names.filter(|name| known.contains_key(*name)).count()
        })
    };
    let most = alternatives.iter().map(|one| known(one)).max()?;
    let mut best = alternatives.iter().filter(|one| known(one) == most);
    match (best.next(), best.next()) {
        (Some(only), None) if most > 0 => Some(only),
        _ => None,
    }
}

/// Reads `${N}` as a number if the schema requires a number (CONTRACT 3.2.2).
fn coerce(node: &mut YamlNode, alternatives: &[&Schema]) {
    if node.origin != Origin::Environment || alternatives.iter().any(|one| allows(one, "string")) {
        return;
    }
    if let YamlValue::String(text) = &node.value
        && let Some(value) = could_be(text, alternatives)
    {
        node.value = value;
    }
}

/// The number or boolean that a text would be without quotes, if the schema permits it.
fn could_be(text: &str, alternatives: &[&Schema]) -> Option<YamlValue> {
    let value = scalar::plain(text);
    let is_scalar = matches!(
        value,
        YamlValue::Bool(_) | YamlValue::Integer(_) | YamlValue::Float(_)
    );
    (is_scalar && alternatives.iter().any(|one| fits(&value, one))).then_some(value)
}

fn unknown_key_advice(name: &str, known: &Map<String, Schema>) -> String {
    if let Some(hint) = hints::hint(name, known) {
        return hint.to_owned();
    }
    if let Some(meant) = nearest(name, known.keys()) {
        return format!("did you mean `{meant}`?");
    }
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    format!("remove it; the keys here are {}", names.join(", "))
}

#[cfg(test)]
mod tests;
