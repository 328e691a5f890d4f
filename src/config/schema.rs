//! The JSON Schema of the configuration, made from the document's own types.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::config::document::Document;

/// The schema of the whole document, draft 2020-12.
pub fn schema() -> Value {
    SchemaGenerator::new(SchemaSettings::draft2020_12())
        .into_root_schema_for::<Document>()
        .to_value()
}

#[cfg(test)]
mod tests {
    use super::schema;
    use serde_json::{Map, Value};

    #[test]
    fn every_key_is_described() {
        let schema = schema();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        let definitions = schema["$defs"].as_object().expect("definitions").values();
        let mut seen = 0;
        for part in definitions.chain([&schema]) {
            let keys = part
                .get("properties")
                .and_then(Value::as_object)
                .map(Map::iter);
            for (key, value) in keys.into_iter().flatten() {
                let description = value["description"].as_str().unwrap_or_default();
                let says = ["Default", "Required", "uri", "file", "key set"];
                assert!(
                    says.iter().any(|word| description.contains(word)),
                    "{key}: {description}"
                );
                seen += 1;
            }
        }
        assert!(seen > 30, "{seen}");
    }
}
