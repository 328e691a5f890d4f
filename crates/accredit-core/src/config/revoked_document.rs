//! `revoked` as the file has it. The comments on the fields are the descriptions of the JSON Schema.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::defaults;
use crate::config::units::Duration;

/// The deny list: either `file` or `uri`, and how the latter is fetched.
#[derive(Clone, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Revoked", extend("minProperties" = 1))]
pub struct RevokedDocument {
    /// A file with the list: YAML, or JSON with one entry per line. accredit reads it again when it changes. A file that
    /// cannot be used keeps the last good list in force. Default: none.
    #[schemars(extend("examples" = ["/etc/accredit/revoked.yaml"]))]
    pub file: Option<String>,
    /// The URL of the list, in the same forms. A list that cannot be used keeps the last good one in force. Until the
    /// first list is fetched, every request with a token is denied with 503. Default: none.
    #[schemars(extend("examples" = ["https://acme.example/revoked.jsonl"]))]
    pub uri: Option<String>,
    /// The interval of fetches from `uri`.
    #[schemars(extend("default" = defaults::REVOKED_REFRESH))]
    pub refresh: Option<Duration>,
    /// The time limit of a fetch from `uri`.
    #[schemars(extend("default" = defaults::FETCH_TIMEOUT))]
    pub timeout: Option<Duration>,
    /// A PEM file with the certificate authorities that a fetch from `uri` trusts instead of the system's. Default: the
    /// system's.
    #[schemars(extend("examples" = ["/etc/ssl/acme.pem"]))]
    pub ca_file: Option<String>,
    /// Whether the list may be fetched over plain http from every host. With `true`, an attacker who can change that traffic
    /// can admit revoked tokens. http to loopback is always permitted.
    #[schemars(extend("default" = defaults::ALLOW_HTTP))]
    pub allow_http: Option<bool>,
}

// A value can come from the environment and be secret, so Debug shows none.
impl fmt::Debug for RevokedDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevokedDocument").finish_non_exhaustive()
    }
}
