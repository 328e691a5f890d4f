//! Files of test cases (`accredit test`) as they are written. The comments are the descriptions of their schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::one_or_many::OneOrMany;
use crate::config::ordered_map::OrderedMap;

/// Test cases for a configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestDocument {
    /// The configuration, relative to the folder of this file. Default: the file of `--config`.
    pub config: Option<String>,
    /// The time of all decisions, such as `2026-01-01T00:00:00Z`, which is the default.
    pub now: Option<String>,
    /// Environment variables for the configuration, before those of the process. Default: none.
    pub env: Option<OrderedMap<String>>,
    /// The cases. Required.
    #[schemars(length(min = 1))]
    pub cases: Vec<TestCaseDocument>,
}

/// A request, and the decision that is expected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCaseDocument {
    /// What the case shows. Required.
    pub name: String,
    /// The claims of a token of the request. `iss`, `aud`, `sub`, `exp` and `iat` have usable defaults; null leaves a claim out.
    /// Default: the request has no token.
    pub claims: Option<TestClaims>,
    /// `true`: a key outside the key set signs the token. Default: false.
    pub forged: Option<bool>,
    /// The text of a token, in place of `claims`. Default: none.
    pub token: Option<String>,
    /// The time of the decision. Default: that of the file.
    pub now: Option<String>,
    /// The request. Default: `GET /` to `localhost`.
    pub request: Option<TestRequestDocument>,
    /// What is expected. Required.
    pub expect: ExpectationDocument,
}

/// A request. Absent keys have the defaults of `accredit explain`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct TestRequestDocument {
    /// The method. Default: `GET`.
    pub method: Option<String>,
    /// The host. Default: `localhost`.
    pub host: Option<String>,
    /// The path with its query. Default: `/`.
    pub path: Option<String>,
    /// Headers, each with its value or a list of values. Default: none.
    pub headers: Option<OrderedMap<OneOrMany>>,
    /// Envoy's `context_extensions` of the route. Default: none.
    pub context: Option<OrderedMap<String>>,
    /// The address of the connection's peer. Default: none.
    pub source_address: Option<String>,
    /// The principal of the connection's peer. Default: none.
    pub source_principal: Option<String>,
}

/// The expected decision. What is absent is not compared.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct ExpectationDocument {
    /// `allow` or `deny`. Default: not compared.
    pub decision: Option<String>,
    /// The reason, such as `insufficient_scope`. Default: not compared.
    pub reason: Option<String>,
    /// The name of the rule that decides. Default: not compared.
    pub rule: Option<String>,
    /// The HTTP status of a denial. Default: not compared.
    #[schemars(range(min = 400, max = 599))]
    pub status: Option<u16>,
    /// Headers that an admission sets for the upstream, or that a denial sends to the client, with their values.
    /// Default: not compared.
    #[schemars(extend("minProperties" = 1))]
    pub headers: Option<OrderedMap<String>>,
    /// Headers that must not be set. Default: not compared.
    #[schemars(length(min = 1))]
    pub absent_headers: Option<Vec<String>>,
    /// Headers of the request that an admission removes. Default: not compared.
    #[schemars(length(min = 1))]
    pub removed_headers: Option<Vec<String>>,
}

/// Claims of any JSON type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct TestClaims(pub Map<String, Value>);

impl JsonSchema for TestClaims {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TestClaims".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": true })
    }
}
