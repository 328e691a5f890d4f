//! The documents of the input: YAML or JSON, several in one text.

use accredit_core::config::yaml::read::read_all;
use accredit_core::config::yaml::tree::{YamlNode, YamlValue};
use serde_json::{Map, Number, Value};

/// One file, or standard input.
#[derive(Clone, Debug)]
pub(crate) struct ImportSource {
    /// The name for messages.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// One document and the place that messages give for it.
#[derive(Clone, Debug)]
pub(crate) struct ForeignDocument {
    pub(crate) at: String,
    pub(crate) value: Value,
}

/// The documents of a text. Lists of Kubernetes, and JSON arrays, are taken apart.
///
/// # Errors
/// Why the text is neither JSON nor YAML, one line each.
pub(crate) fn documents(source: &ImportSource) -> Result<Vec<ForeignDocument>, Vec<String>> {
    let values = match json(&source.text) {
        Some(values) => values,
        None => yaml(source)?,
    };
    let mut documents = Vec::new();
    for (number, value) in values.into_iter().enumerate() {
        let at = match number {
            0 => source.name.clone(),
            _ => format!("{} (document {})", source.name, number + 1),
        };
        take_apart(at, value, &mut documents);
    }
    Ok(documents)
}

fn take_apart(at: String, value: Value, documents: &mut Vec<ForeignDocument>) {
    match value {
        Value::Array(elements) => {
            for (number, element) in elements.into_iter().enumerate() {
                take_apart(format!("{at}[{number}]"), element, documents);
            }
        }
        Value::Object(mut members) => {
            let is_list = members
                .get("kind")
                .and_then(Value::as_str)
                .is_some_and(|kind| kind.ends_with("List"));
            match members.remove("items") {
                Some(items @ Value::Array(_)) if is_list => {
                    take_apart(format!("{at}: items"), items, documents);
                }
                items => {
                    members.extend(items.map(|items| ("items".to_owned(), items)));
                    if !members.is_empty() {
                        let value = Value::Object(members);
                        documents.push(ForeignDocument { at, value });
                    }
                }
            }
        }
        Value::Null => {}
        value => documents.push(ForeignDocument { at, value }),
    }
}

/// `None` if the text is not JSON. The dump of a proxy's configuration can be larger and deeper than a YAML text may be.
fn json(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect::<Result<_, _>>()
        .ok()
}

fn yaml(source: &ImportSource) -> Result<Vec<Value>, Vec<String>> {
    let trees = read_all(&source.text).map_err(|problems| {
        problems
            .iter()
            .map(|problem| format!("{}: {problem}", source.name))
            .collect::<Vec<_>>()
    })?;
    Ok(trees.into_iter().map(value).collect())
}

fn value(node: YamlNode) -> Value {
    match node.value {
        YamlValue::Null => Value::Null,
        YamlValue::Bool(flag) => Value::Bool(flag),
        YamlValue::Integer(number) => Value::Number(number.into()),
        // A number that JSON does not have is a text, which is not read as a number. As null it would count as absent.
        YamlValue::Float(number) => Number::from_f64(number)
            .map_or_else(|| Value::String(number.to_string()), Value::Number),
        YamlValue::String(text) => Value::String(text),
        YamlValue::Sequence(items) => Value::Array(items.into_iter().map(value).collect()),
        YamlValue::Mapping(members) => Value::Object(
            members
                .into_iter()
                .map(|(key, member)| (key.name, value(member)))
                .collect::<Map<_, _>>(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{ImportSource, documents};

    fn places(text: &str) -> Result<Vec<(String, String)>, Vec<String>> {
        let source = ImportSource {
            name: "a".to_owned(),
            text: text.to_owned(),
        };
        let found = documents(&source)?.into_iter();
        Ok(found
            .map(|document| (document.at, document.value.to_string()))
            .collect())
    }

    #[test]
    fn documents_are_found_in_every_form_of_input() {
        let one = |at: &str, value: &str| (at.to_owned(), value.to_owned());
        for (text, expected) in [
            ("a: 1", vec![one("a", r#"{"a":1}"#)]),
            ("{a: x}", vec![one("a", r#"{"a":"x"}"#)]),
            (r#"{"a": 1}"#, vec![one("a", r#"{"a":1}"#)]),
            (
                "a: 1\n---\n# nothing\n---\nb: |\n  ---\n",
                vec![
                    one("a", r#"{"a":1}"#),
                    one("a (document 3)", r#"{"b":"---\n"}"#),
                ],
            ),
            (
                r#"{"a":1} {"b":2}"#,
                vec![one("a", r#"{"a":1}"#), one("a (document 2)", r#"{"b":2}"#)],
            ),
            (
                "kind: List\nitems: [{a: 1}, {b: 2}]",
                vec![
                    one("a: items[0]", r#"{"a":1}"#),
                    one("a: items[1]", r#"{"b":2}"#),
                ],
            ),
            ("", vec![]),
        ] {
            assert_eq!(places(text), Ok(expected), "{text}");
        }
        assert!(places("a: [").is_err());
        assert!(places("{\"a\": ").is_err());
    }
}
