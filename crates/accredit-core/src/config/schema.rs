//! The JSON Schema of the configuration, made from the types of the document.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::config::document::ConfigDocument;

/// The schema of the whole document, draft 2020-12.
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(make);
    &SCHEMA
}

/// The schema of a rules file: a list of rules.
pub(crate) fn rules_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        json!({
            "type": "array",
            "items": { "$ref": "#/$defs/Rule" },
            "$defs": schema()["$defs"],
        })
    });
    &SCHEMA
}

fn make() -> Value {
    of::<ConfigDocument>()
}

/// The schema of a document.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let mut schema = SchemaGenerator::new(SchemaSettings::draft2020_12())
        .into_root_schema_for::<T>()
        .to_value();
    each_part(&mut schema, &mut |part| {
        forbid_null(part);
        describe_default(part);
    });
    schema
}

fn each_part(part: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    change(part);
    match part {
        Value::Object(members) => {
            for (keyword, member) in members {
                if !matches!(keyword.as_str(), "default" | "examples") {
                    each_part(member, change);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_part(item, change)),
        _ => {}
    }
}

/// An `Option` of the document is a key that can be absent, not a key that can be null (CONTRACT 3.1.5).
fn forbid_null(part: &mut Value) {
    if let Some(Value::Array(types)) = part.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            part["type"] = only.clone();
        }
    }
    if let Some(Value::Array(alternatives)) = part.get_mut("anyOf") {
        alternatives.retain(|one| one["type"] != "null");
        if let [only] = alternatives.as_slice()
            && let Some(Value::String(reference)) = only.get("$ref")
        {
            part["$ref"] = reference.clone().into();
            if let Some(members) = part.as_object_mut() {
                members.remove("anyOf");
            }
        }
    }
}

/// The default in words, after the description.
fn describe_default(part: &mut Value) {
    let Some(default) = part.get("default") else {
        return;
    };
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let words = match default {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            format!("`[{}]`", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("`{name}: {}`", plain(value)))
                .collect();
            members.join(", ")
        }
        scalar => format!("`{}`", plain(scalar)),
    };
    if let Some(Value::String(description)) = part.get_mut("description") {
        description.push_str(&format!(" Default: {words}."));
    }
}

#[cfg(test)]
mod tests {
    use super::schema;
    use serde_json::{Map, Value};

    fn definitions(schema: &Value) -> Vec<&Value> {
        let definitions = schema["$defs"].as_object().expect("definitions").values();
        definitions.chain([schema]).collect()
    }

    #[test]
    fn the_schema_describes_every_key_with_its_default() {
        let schema = schema();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        let mut seen = 0;
        for part in definitions(schema) {
            let keys = part
                .get("properties")
                .and_then(Value::as_object)
                .map(Map::iter);
            for (key, value) in keys.into_iter().flatten() {
                let description = value["description"].as_str().unwrap_or_default();
                assert!(
                    description.contains("Default") || description.contains("Required"),
                    "{key}: {description}"
                );
                seen += 1;
            }
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn the_schema_permits_null_for_no_key() {
        let text = schema().to_string();
        assert!(!text.contains("\"null\""), "{text}");
    }

    /// CONTRACT 3.1.6
    #[test]
    fn only_the_keys_of_the_contract_can_be_empty() {
        let can_be_empty = [
            "required_claims",
            "claim_headers",
            "strip_headers",
            "log_claims",
            "ambiguous_paths",
            "admin_hosts",
            "accept_warnings",
            "expression_env",
            "rules",
            "rules_from",
            "tls",
            "admin_tls",
        ];
        let schema = schema();
        let keys = definitions(schema)
            .into_iter()
            .filter_map(|part| part["properties"].as_object())
            .flatten();
        for (key, value) in keys {
            let target = value["$ref"]
                .as_str()
                .and_then(|reference| schema.pointer(reference.trim_start_matches('#')))
                .unwrap_or(value);
            let alternatives = match target["anyOf"].as_array() {
                Some(several) => several.iter().collect(),
                None => vec![target],
            };
            for one in alternatives {
                let least = match one["type"].as_str() {
                    Some("array") => &one["minItems"],
                    Some("object") => match one.get("required") {
                        Some(_) => continue,
                        None => &one["minProperties"],
                    },
                    _ => continue,
                };
                assert_eq!(
                    least.is_null(),
                    can_be_empty.contains(&key.as_str()),
                    "{key}: {one}"
                );
            }
        }
    }
}
