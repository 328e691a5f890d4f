//! The Helm chart's schema describes `config` as `accredit schema` does, so that `helm install` refuses what accredit would.
//!
//! `ACCREDIT_REWRITE_EXPECTED=1` writes `$defs` anew.

use std::path::Path;

use serde_json::{Map, Value, json};

#[test]
fn the_charts_schema_describes_the_configuration_as_the_program_does() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/helm/accredit/values.schema.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut chart: Value = serde_json::from_str(&text).unwrap();
    chart["$defs"] = Value::Object(definitions());
    let expected = serde_json::to_string_pretty(&chart).unwrap() + "\n";
    if std::env::var_os("ACCREDIT_REWRITE_EXPECTED").is_some() {
        std::fs::write(&file, expected).unwrap();
        return;
    }
    // Not shown: both are pages long.
    assert!(
        text == expected,
        "set ACCREDIT_REWRITE_EXPECTED=1 and run this test"
    );
}

/// The definitions of the program, the document itself as `Configuration`.
fn definitions() -> Map<String, Value> {
    let mut document = accredit_core::config::schema::schema().clone();
    let mut definitions = document["$defs"].as_object().unwrap().clone();
    let members = document.as_object_mut().unwrap();
    // The chart requires `issuers` only if there is no other ConfigMap.
    for name in ["$schema", "$defs", "required"] {
        members.remove(name).unwrap();
    }
    definitions.insert("Configuration".to_owned(), document);
    for definition in definitions.values_mut() {
        substitutable(definition);
    }
    let substituted = json!({
        "description": "A value from the environment of the container, such as `${NAME}` or `${NAME:-default}`.",
        "type": "string",
        "pattern": "\\$\\{",
    });
    definitions.insert("Substituted".to_owned(), substituted);
    definitions
}

/// Lets each value that is not any text be `${NAME}` too: Helm sees the file before accredit replaces variables.
fn substitutable(schema: &mut Value) {
    let Value::Object(members) = schema else {
        return;
    };
    for (name, value) in members.iter_mut() {
        match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(substitutable);
            }
            ("anyOf" | "oneOf" | "allOf", Value::Array(alternatives)) => {
                alternatives.iter_mut().for_each(substitutable);
            }
            ("items" | "additionalProperties", value) => substitutable(value),
            _ => {}
        }
    }
    // `${NAME}` fits each of the alternatives.
    if let Some(alternatives) = members.remove("oneOf") {
        members.insert("anyOf".to_owned(), alternatives);
    }
    let is_text = |kind: &Value| kind == "string";
    let takes_any_text = match &members.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is_text),
        Some(kind) if is_text(kind) => !["const", "enum", "pattern", "format"]
            .iter()
            .any(|name| members.contains_key(*name)),
        Some(kind) => *kind == "object" || *kind == "array",
        None => !members.contains_key("const") && !members.contains_key("enum"),
    };
    if !takes_any_text {
        let own = std::mem::take(members);
        *schema = json!({ "anyOf": [own, { "$ref": "#/$defs/Substituted" }] });
    }
}

#[test]
fn the_charts_schema_lets_each_value_come_from_the_environment() {
    let mut number = json!({ "type": "integer", "minimum": 1 });
    substitutable(&mut number);
    let substituted = json!({ "$ref": "#/$defs/Substituted" });
    assert_eq!(
        number,
        json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, substituted] })
    );
    let mut words = json!({ "oneOf": [{ "const": "a", "type": "string" }], "description": "d" });
    substitutable(&mut words);
    let word = json!({ "anyOf": [{ "const": "a", "type": "string" }, substituted] });
    assert_eq!(words, json!({ "anyOf": [word], "description": "d" }));
    for kept in [
        json!({ "type": "string" }),
        json!({ "type": "array", "items": { "type": "string" } }),
        json!({ "$ref": "#/$defs/Duration" }),
    ] {
        let mut schema = kept.clone();
        substitutable(&mut schema);
        assert_eq!(schema, kept);
    }
}
