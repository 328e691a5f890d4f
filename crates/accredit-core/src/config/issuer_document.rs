//! Issuer entries as the file has them. The comments on the fields are the descriptions of the JSON Schema.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::claims_document::ClaimsDocument;
use crate::config::defaults;
use crate::config::one_or_many::{ClaimNameDocument, OneOrMany};
use crate::config::ordered_map::OrderedMap;
use crate::config::units::Duration;
use crate::config::words::Word;
use crate::jose::algorithm::Algorithm;
use crate::token::requirements::{AbsentAudience, Binding};

/// One issuer, or several issuers that share one key set.
#[derive(Clone, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Issuer")]
pub struct IssuerDocument {
    /// The accepted `iss`, compared character by character, or a list that shares one key set. Required. With `tenants`, one
    /// segment of the path or one label of the host can be a placeholder, such as `{tid}`: the token's claim of that name has to
    /// equal it.
    #[schemars(extend("examples" = ["https://acme.scalekit.dev"]))]
    pub issuer: OneOrMany,
    /// The tenants that a placeholder in `issuer` stands for, or `any`, which needs `jwks.uri`, `jwks.file` or `jwks.inline`.
    /// Default: none. Then an issuer has no placeholder.
    #[schemars(extend("examples" = [["9188040d-6c67-4b3e-8b36-4f6c0f1c1b59"]]))]
    pub tenants: Option<TenantsDocument>,
    /// The source of the key set. Default: discovery. A list of issuers cannot use discovery, nor can an issuer with a
    /// query or a fragment.
    pub jwks: Option<JwksDocument>,
    /// The token's audience must contain one of these. Required. `any` turns the check off: accredit then also admits
    /// tokens that this issuer made for another API.
    #[schemars(extend("examples" = [["api.acme.example"]]))]
    pub audiences: AudiencesDocument,
    /// What happens to a token without an audience. With `accept` it passes, whichever API it was made for. `[]`, `""`
    /// and `[""]` count as absent. A token with a wrong audience never passes.
    #[schemars(extend("default" = "refuse"))]
    pub audience_absent: Option<Word<AbsentAudience>>,
    /// The first of these claims that the token has is its audience. A string splits at dots; a list is taken literally.
    #[schemars(length(min = 1))]
    #[schemars(extend("default" = defaults::AUDIENCE_CLAIMS, "examples" = [["client_id"]]))]
    pub audience_claims: Option<Vec<ClaimNameDocument>>,
    /// The accepted signature algorithms.
    #[schemars(length(min = 1))]
    #[schemars(extend("default" = defaults::algorithm_names(), "examples" = [["RS256", "ES256"]]))]
    pub algorithms: Option<Vec<Word<Algorithm>>>,
    /// The accepted values of the header `typ`, ignoring case and the prefix `application/`. A token without `typ`
    /// passes. The list keeps out tokens that were made for another purpose, such as ID tokens.
    #[schemars(length(min = 1))]
    #[schemars(extend("default" = defaults::TOKEN_TYPES))]
    pub token_types: Option<Vec<String>>,
    /// The permitted difference between the clocks of the issuer and accredit. An expired token is accepted for that long.
    #[schemars(extend("default" = defaults::CLOCK_SKEW))]
    pub clock_skew: Option<Duration>,
    /// The maximum of `exp` - `iat`, inclusive. It makes `iat` required. Default: no limit.
    #[schemars(extend("examples" = ["24h"]))]
    pub max_lifetime: Option<Duration>,
    /// Claims that a token must have, besides `exp`, which is always required. `null` and the empty string count as
    /// absent. A string splits at dots; a list is taken literally.
    #[schemars(extend("default" = defaults::REQUIRED_CLAIMS, "examples" = [["sub", "custom_claims.environment"]]))]
    pub required_claims: Option<Vec<ClaimNameDocument>>,
    /// The claims that can carry the scopes. The first that the token has decides. A string splits at dots; a list is
    /// taken literally.
    #[schemars(length(min = 1))]
    #[schemars(extend("default" = defaults::SCOPE_CLAIMS, "examples" = [["realm_access.roles"]]))]
    pub scope_claims: Option<Vec<ClaimNameDocument>>,
    /// Claims of every token of this entry, and the values of which each must have one, or contain one if it is an array.
    /// Strings are compared character by character, numbers by value. An absent claim has none. Default: no requirement.
    #[schemars(extend("examples" = [{"azp": "web", "email_verified": true}]))]
    pub claims: Option<ClaimsDocument>,
    /// What happens to a token that is bound to its sender (`cnf`). With `enforce`, it needs a DPoP proof (`jkt`, RFC 9449) or the client
    /// certificate that Envoy sends (`x5t#S256`, RFC 8705). With `ignore`, a thief can use a stolen token.
    #[schemars(extend("default" = "enforce"))]
    pub binding: Option<Word<Binding>>,
    /// Whether readiness waits for the keys of this entry.
    #[schemars(extend("default" = defaults::REQUIRED))]
    pub required: Option<bool>,
    /// Headers to the upstream, and the claim or the expression that gives the value of each. If given, it replaces all defaults.
    /// The claim name `scopes` means the token's scopes, whichever claim carries them.
    #[schemars(extend("default" = defaults::claim_headers_object(), "examples" = [{"x-jwt-roles": ["https://acme.example/roles"], "x-jwt-groups": {"claim": "groups", "as": "json"}, "x-tenant": {"expression": "\"tenant-\" + claims.oid"}}]))]
    pub claim_headers: Option<OrderedMap<ClaimSource>>,
}

/// The source of a key set: at most one of `uri`, `file` and `inline`, and how it is fetched.
#[derive(Clone, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Jwks", extend("minProperties" = 1))]
pub struct JwksDocument {
    /// The URL of the key set. Default: found by discovery.
    #[schemars(extend("examples" = ["https://acme.scalekit.dev/keys"]))]
    pub uri: Option<String>,
    /// A file with the key set. accredit reads it again when it changes, every `refresh`, and when a token names a key
    /// that it does not have. Default: none.
    #[schemars(extend("examples" = ["/etc/accredit/keys.json"]))]
    pub file: Option<String>,
    /// The JSON text of the key set. Default: none.
    pub inline: Option<String>,
    /// The interval of background refreshes. A shorter `Cache-Control` max-age of the issuer applies instead, but at
    /// least 30s.
    #[schemars(extend("default" = defaults::REFRESH))]
    pub refresh: Option<Duration>,
    /// How long the last-known-good keys verify tokens while the issuer is unreachable. A key that the issuer withdrew
    /// meanwhile stays trusted for as long.
    #[schemars(extend("default" = defaults::MAX_STALE))]
    pub max_stale: Option<Duration>,
    /// The time limit of a fetch.
    #[schemars(extend("default" = defaults::FETCH_TIMEOUT))]
    pub timeout: Option<Duration>,
    /// A PEM file with the certificate authorities that fetches trust instead of the system's. Default: the system's.
    #[schemars(extend("examples" = ["/etc/ssl/acme.pem"]))]
    pub ca_file: Option<String>,
    /// A file with a bearer token for fetches, such as a Kubernetes service account's. accredit reads it at each fetch, and
    /// sends it only to scheme, host and port of `uri` or, without `uri`, of the issuer. Default: none.
    #[schemars(extend("examples" = ["/var/run/secrets/kubernetes.io/serviceaccount/token"]))]
    pub bearer_file: Option<String>,
    /// A PEM file with the certificate that fetches present to a server that asks for one, and its intermediate
    /// certificates. accredit reads it again when it changes. Needs `client_key`. Default: none.
    #[schemars(extend("examples" = ["/tls/client.crt"]))]
    pub client_certificate: Option<String>,
    /// A PEM file with the private key of `client_certificate`. Default: none.
    #[schemars(extend("examples" = ["/tls/client.key"]))]
    pub client_key: Option<String>,
    /// `HOST:PORT` to which fetches connect instead of the host of `uri` or, without `uri`, of the issuer. TLS and `Host`
    /// keep the name of the URL, and no proxy is used. Default: the host of the URL.
    #[schemars(extend("examples" = ["keys.internal:8443"]))]
    pub connect: Option<String>,
    /// Whether keys may be fetched over plain http from every host. With `true`, an attacker who can change that
    /// traffic can make tokens that accredit accepts. http to loopback is always permitted.
    #[schemars(extend("default" = defaults::ALLOW_HTTP))]
    pub allow_http: Option<bool>,
}

impl IssuerDocument {
    /// An entry with the required keys only.
    pub fn new(issuer: OneOrMany, audiences: AudiencesDocument) -> IssuerDocument {
        IssuerDocument {
            issuer,
            tenants: None,
            jwks: None,
            audiences,
            audience_absent: None,
            audience_claims: None,
            algorithms: None,
            token_types: None,
            clock_skew: None,
            max_lifetime: None,
            required_claims: None,
            scope_claims: None,
            claims: None,
            binding: None,
            required: None,
            claim_headers: None,
        }
    }
}

/// A list of accepted audiences, or `any`.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Audiences")]
pub enum AudiencesDocument {
    /// The accepted audiences.
    OneOf(#[schemars(length(min = 1))] Vec<String>),
    /// The check is turned off.
    Any(AnyAudience),
}

/// The value that turns the audience check off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub enum AnyAudience {
    /// Every audience is accepted.
    #[serde(rename = "any")]
    Any,
}

/// A list of accepted tenants, or `any`.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Tenants")]
pub enum TenantsDocument {
    /// The accepted tenants.
    OneOf(#[schemars(length(min = 1))] Vec<String>),
    /// Every tenant.
    Any(AnyTenant),
}

/// The value that accepts every tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub enum AnyTenant {
    /// Every tenant is accepted.
    #[serde(rename = "any")]
    Any,
}

/// The value of a claim header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClaimSource {
    /// A claim whose name splits at dots.
    Dotted(String),
    /// A claim whose name is taken literally, one list element per level.
    Literal(#[schemars(length(min = 1))] Vec<String>),
    /// A claim in a chosen encoding.
    Encoded(EncodedClaim),
    /// The result of an expression.
    Computed(ComputedHeader),
}

/// A claim and its encoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncodedClaim {
    /// The name of the claim. Required.
    pub claim: ClaimNameDocument,
    /// The encoding. Required.
    #[serde(rename = "as")]
    pub encoding: ClaimEncoding,
}

/// The value of a header that an expression yields.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HeaderExpression")]
pub struct ComputedHeader {
    /// A CEL expression over `claims`, `scopes`, `issuer` and `env`, evaluated once per verified token. If it fails or yields null,
    /// the header is left out. Required.
    #[schemars(extend("examples" = ["\"tenant-\" + claims.custom_claims.tenant"]))]
    pub expression: String,
}

/// The encoding of a claim in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimEncoding {
    /// base64url of the claim's JSON.
    Json,
    /// The claim's JSON as text: ASCII only, other characters as `\uXXXX`, without white space between values.
    JsonText,
}

// A value can come from the environment and be secret, so Debug shows none.

impl fmt::Debug for IssuerDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerDocument").finish_non_exhaustive()
    }
}

impl fmt::Debug for JwksDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksDocument").finish_non_exhaustive()
    }
}
