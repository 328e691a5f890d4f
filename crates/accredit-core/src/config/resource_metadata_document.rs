//! `resource_metadata` as the file has it. The comments on the fields are the descriptions of the JSON Schema.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// The metadata of the protected API (RFC 9728).
#[derive(Clone, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ResourceMetadata")]
pub struct ResourceMetadataDocument {
    /// The identifier of the API: the URL that clients use, without query and fragment. Clients compare it with the URL that they
    /// requested. Required.
    #[schemars(extend("examples" = ["https://api.acme.example"]))]
    pub resource: String,
    /// The scopes that clients can request. Default: the document names no scopes.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["deploy:applications"]]))]
    pub scopes: Option<Vec<String>>,
    /// The authorization servers that issue tokens for the API. Default: the configured issuers that are URLs.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["https://acme.scalekit.dev/resources/res_1234"]]))]
    pub authorization_servers: Option<Vec<String>>,
}

// A value can come from the environment and be secret, so Debug shows none.
impl fmt::Debug for ResourceMetadataDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceMetadataDocument")
            .finish_non_exhaustive()
    }
}
