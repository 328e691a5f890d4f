//! `docs/configuration.md` has every key of the configuration, as its schema describes it.
//!
//! `ACCREDIT_REWRITE_EXPECTED=1` writes the part below the mark anew.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value};

const MARK: &str = "## Every key\n";

#[test]
fn the_configuration_reference_describes_every_key_as_the_schema_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, after) = text.split_once(MARK).unwrap();
    let expected = reference();
    if std::env::var_os("ACCREDIT_REWRITE_EXPECTED").is_some() {
        std::fs::write(&file, format!("{before}{MARK}{expected}")).unwrap();
        return;
    }
    // Not shown: both are pages long.
    assert!(
        after == expected,
        "set ACCREDIT_REWRITE_EXPECTED=1 and run this test"
    );
}

fn reference() -> String {
    let schema = accredit_core::config::schema::schema();
    let mut text = section("The file", schema);
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        if definition["properties"].is_object() {
            text.push_str(&section(name, definition));
        } else if let Some(variants) = variants(definition) {
            let _ = write!(
                text,
                "\n### {name}\n\n{}\n\n{variants}",
                described(definition)
            );
        }
    }
    text
}

fn section(name: &str, schema: &Value) -> String {
    let mut text = format!(
        "\n### {name}\n\n{}\n\n| key | value | meaning |\n| --- | --- | --- |\n",
        described(schema)
    );
    let properties: &Map<String, Value> = schema["properties"].as_object().unwrap();
    for (key, value) in properties {
        let _ = writeln!(text, "| `{key}` | {} | {} |", kind(value), described(value));
    }
    text
}

/// The words of an enumeration, each with its meaning.
fn variants(definition: &Value) -> Option<String> {
    let members = definition["oneOf"].as_array()?;
    let mut text = String::new();
    for member in members {
        let word = member["const"].as_str()?;
        let _ = writeln!(text, "- `{word}`: {}", described(member));
    }
    Some(text)
}

fn described(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(members) = schema["anyOf"].as_array() {
        let kinds: Vec<String> = members
            .iter()
            .map(kind)
            .filter(|kind| kind != "null")
            .collect();
        return kinds.join(" or ");
    }
    let of = |name: &str| match name {
        "array" => format!("list of {}", kind(&schema["items"])),
        name => name.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => of(name),
        Value::Array(names) => {
            let names = names
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| *name != "null");
            names.map(of).collect::<Vec<_>>().join(" or ")
        }
        _ => "mapping".to_owned(),
    }
}
