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
