//! `claims` of a rule or of an issuer entry as the file has them. The comments are the descriptions of the JSON Schema.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::config::one_or_many::ClaimNameDocument;
use crate::config::ordered_map::OrderedMap;

/// Values that claims must have: a mapping from claim names to values, or a list of claims with their values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "RequiredClaimValues")]
pub enum ClaimsDocument {
    /// Claim names, which split at dots, and the value or values of each.
    ByName(#[schemars(extend("minProperties" = 1))] OrderedMap<ClaimValuesDocument>),
    /// Claims and their values, for names with dots.
    Listed(#[schemars(length(min = 1))] Vec<ClaimDemandDocument>),
}

/// A value, or a list of values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ClaimValues")]
pub enum ClaimValuesDocument {
    /// One value.
    One(ClaimValueDocument),
    /// Several values.
    Many(#[schemars(length(min = 1))] Vec<ClaimValueDocument>),
}

/// A claim, and the values of which it must have one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RequiredClaim")]
pub struct ClaimDemandDocument {
    /// The name of the claim. A string splits at dots; a list is taken literally. Required.
    #[schemars(extend("examples" = [["https://acme.example/roles"]]))]
    pub claim: ClaimNameDocument,
    /// The claim must equal one of these, or be an array that contains one. Required.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["admin", "ops"]]))]
    pub any_of: Vec<ClaimValueDocument>,
}

/// A string, a number or a boolean.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClaimValueDocument {
    Text(String),
    /// A whole number of 64 bits.
    Whole(i64),
    /// The shortest text of any other number.
    Fraction(String),
    Truth(bool),
}

impl ClaimValuesDocument {
    pub fn as_slice(&self) -> &[ClaimValueDocument] {
        match self {
            ClaimValuesDocument::One(one) => std::slice::from_ref(one),
            ClaimValuesDocument::Many(many) => many,
        }
    }
}

impl JsonSchema for ClaimValueDocument {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ClaimValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl<'de> Deserialize<'de> for ClaimValueDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClaimValueVisitor)
    }
}

struct ClaimValueVisitor;

impl Visitor<'_> for ClaimValueVisitor {
    type Value = ClaimValueDocument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or a boolean")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(ClaimValueDocument::Text(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(ClaimValueDocument::Whole(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(ClaimValueDocument::Fraction(number.to_string()))
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(ClaimValueDocument::Truth(truth))
    }
}
