//! Values that can be written in more than one form.

use schemars::JsonSchema;
use serde::Deserialize;

/// A string or a list of strings.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One value.
    One(String),
    /// Several values.
    Many(#[schemars(length(min = 1))] Vec<String>),
}

impl OneOrMany {
    /// The values in their order.
    pub fn as_slice(&self) -> &[String] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// The name of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ClaimName")]
pub enum ClaimNameDocument {
    /// A name that splits at dots, as `custom_claims.environment`.
    Dotted(String),
    /// A name that is taken literally, one list element per level, for names with dots.
    Literal(#[schemars(length(min = 1))] Vec<String>),
}
