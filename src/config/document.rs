//! The configuration as it is written: the keys of the YAML, typed; `resolve` gives them their meaning.
//!
//! The comments on the fields are the descriptions of the JSON Schema and of the configuration's reference.
//! Over 300 lines, since it is one thing: the shape of the file, to be read from top to bottom as its author would write it.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::ordered_map::OrderedMap;
use crate::config::rules_document::{AmbiguousPath, Rule, TokenSource};
use crate::config::units::{Duration, Size};

/// The configuration of accredit.
#[derive(Clone, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Where Envoy's checks (ext_authz over gRPC) are answered: `address:port`, or `unix:/path` for a socket of mode 0660.
    /// Default `0.0.0.0:9191`.
    #[schemars(extend("default" = "0.0.0.0:9191", "examples" = ["unix:/run/accredit/accredit.sock"]))]
    pub listen: Option<String>,
    /// Where health, metrics, the admin API and the console are served. Default `127.0.0.1:9192`. Whoever reaches it sees
    /// live decisions: keep it on loopback, or behind something that asks who is there.
    #[schemars(extend("default" = "127.0.0.1:9192"))]
    pub admin_listen: Option<String>,
    /// Where `/livez`, `/readyz` and `/metrics` are served, and nothing else, for kubelet and Prometheus. Default: nowhere.
    #[schemars(extend("examples" = ["0.0.0.0:9194"]))]
    pub probe_listen: Option<String>,
    /// TLS on `listen`. Default: none, whoever sees the traffic reads tokens, and whoever can change it decides who is let
    /// in. An empty mapping is none.
    pub tls: Option<Tls>,
    /// TLS on `admin_listen`, with the same keys. Default: none.
    pub admin_tls: Option<Tls>,
    /// Values of `Host` that `admin_listen` answers to beside loopback names and its own address. Default: none. Each one
    /// added is a name through which a web page could reach it (DNS rebinding).
    #[schemars(extend("default" = [], "examples" = [["accredit.internal"]]))]
    pub admin_hosts: Option<Vec<String>>,
    /// Who may issue tokens. Required, at least one.
    #[schemars(length(min = 1))]
    pub issuers: Vec<Issuer>,
    /// Where a token may lie in a request. Default: the `Authorization` header with the scheme `Bearer`. A request that
    /// carries different tokens is refused.
    pub token_sources: Option<Vec<TokenSource>>,
    /// Whether the token stays in the request to the upstream. Default `true`.
    #[schemars(extend("default" = true))]
    pub forward_token: Option<bool>,
    /// A header to the upstream for the token's own payload segment (base64url, unpadded), once verified. Default: none.
    #[schemars(extend("examples" = ["x-jwt-payload"]))]
    pub payload_header: Option<String>,
    /// Headers that are removed from every admitted request unless this token sets them: names, or prefixes with a final
    /// `*`. Default `["x-jwt-*"]`. What is not covered here and named by no claim header, a client can set itself.
    #[schemars(extend("default" = ["x-jwt-*"]))]
    pub strip_headers: Option<Vec<String>>,
    /// The realm of the challenge in `WWW-Authenticate`. Default `api`.
    #[schemars(extend("default" = "api"))]
    pub realm: Option<String>,
    /// A folder where the last good keys of each issuer outlive a restart, so that its tokens are admitted while it is
    /// unreachable; kept readable for this service alone. Default: none. What can write there can make tokens that are accepted.
    #[schemars(extend("examples" = ["/var/lib/accredit"]))]
    pub state_dir: Option<String>,
    /// Memory for tokens that were verified already; `0` turns it off. Default `64MiB`.
    #[schemars(extend("default" = "64MiB", "examples" = ["0"]))]
    pub token_cache: Option<Size>,
    /// How many checks are worked on at once; more are refused with 503. Default 1024.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    #[schemars(extend("default" = 1024))]
    pub max_concurrent_checks: Option<u32>,
    /// How long a check may wait for keys; Envoy's own deadline ends it sooner. Default `1s`.
    #[schemars(extend("default" = "1s"))]
    pub check_timeout: Option<Duration>,
    /// How long readiness waits for the keys of every required issuer. Default `30s`.
    #[schemars(extend("default" = "30s"))]
    pub startup_wait: Option<Duration>,
    /// How long checks in flight may take to finish once the process is told to stop. Default `20s`.
    #[schemars(extend("default" = "20s"))]
    pub drain: Option<Duration>,
    /// What becomes of a token whose issuer has no usable key at all. Default `refuse`, with 503. `defer` leaves it to
    /// Envoy's `failure_mode_allow`; what that lets through keeps the client's own headers, claim headers included.
    #[schemars(extend("default" = "refuse"))]
    pub unavailable: Option<Unavailable>,
    /// Whether refusals say what was wrong, in `details` and `error_description`. Default `true`.
    #[schemars(extend("default" = true))]
    pub error_details: Option<bool>,
    /// Claims of verified tokens whose values may appear in logs, spans and the tail. Default: none. They may be personal
    /// data, and logs are kept.
    #[schemars(extend("default" = [], "examples" = [["oid", "client_id"]]))]
    pub log_claims: Option<Vec<ClaimName>>,
    /// Kinds of paths that two servers could read differently, to be let through all the same. Default: none; such a path is
    /// refused as soon as a rule looks at paths.
    #[schemars(extend("default" = [], "examples" = [["encoded_slash"]]))]
    pub ambiguous_paths: Option<Vec<AmbiguousPath>>,
    /// What requests need, the first that matches decides. Default: none, every request needs a token.
    #[schemars(extend("default" = []))]
    pub rules: Option<Vec<Rule>>,
}

/// TLS of one port. The files are read again when they change; connections that are open go on.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// A PEM file with the certificate of this port, and those between it and its CA. Required, with `private_key`.
    #[schemars(extend("examples" = ["/tls/tls.crt"]))]
    pub certificate: Option<String>,
    /// A PEM file with the certificate's private key. Required, with `certificate`.
    #[schemars(extend("examples" = ["/tls/tls.key"]))]
    pub private_key: Option<String>,
    /// A PEM file with the certificate authorities of clients. Default: none, and everybody may connect. With it, a client
    /// without a certificate of theirs is refused in the handshake.
    #[schemars(extend("examples" = ["/tls/ca.crt"]))]
    pub client_ca: Option<String>,
    /// Which clients of `client_ca` may connect: DNS names and URIs, such as SPIFFE IDs, of which a certificate must bear
    /// one. Default: every client that these authorities certified, for whatever purpose they did.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["spiffe://cluster.local/ns/istio-system/sa/ingressgateway"]]))]
    pub client_names: Option<Vec<String>>,
}

/// An issuer of tokens, or several that share one key set.
#[derive(Clone, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// What `iss` must be, character by character; or a list of such that share the key set. Required.
    #[schemars(extend("examples" = ["https://acme.scalekit.dev"]))]
    pub issuer: OneOrMany,
    /// Where the keys come from. Default: found through discovery, which a list of issuers cannot use, nor one whose
    /// address has a query or a fragment.
    pub jwks: Option<Jwks>,
    /// Whom tokens must be meant for: any one of these has to be in `aud`. Required. `any` turns the check off: then a
    /// token that this issuer made for someone else is admitted as well.
    #[schemars(extend("examples" = [["api.acme.example"]]))]
    pub audiences: Audiences,
    /// What becomes of a token without `aud`. Default `refuse`. With `accept` such a token passes whomever it was made
    /// for; one with a wrong `aud` never does.
    #[schemars(extend("default" = "refuse"))]
    pub audience_absent: Option<AudienceAbsent>,
    /// Signature algorithms that are accepted. Default `[RS256]`.
    #[schemars(length(min = 1))]
    #[schemars(extend("default" = ["RS256"], "examples" = [["RS256", "ES256"]]))]
    pub algorithms: Option<Vec<Algorithm>>,
    /// Accepted values of the header `typ`, in any case, a prefix `application/` dropped; a token without it is accepted.
    /// Default `[JWT, at+jwt]`. Without such a list, a token made for another purpose could be taken for an access token.
    #[schemars(extend("default" = ["JWT", "at+jwt"]))]
    pub token_types: Option<Vec<String>>,
    /// How far the issuer's clock may differ from ours. Default `30s`. An expired token lives longer by as much.
    #[schemars(extend("default" = "30s"))]
    pub clock_skew: Option<Duration>,
    /// The longest `exp` - `iat` that is accepted; makes `iat` required. Default: no limit.
    #[schemars(extend("examples" = ["24h"]))]
    pub max_lifetime: Option<Duration>,
    /// Claims that must be there, beside `exp`, which always must; null and the empty string count as absent. Default
    /// `[sub]`. Each a string that splits at dots, or a list taken literally.
    #[schemars(extend("default" = ["sub"], "examples" = [["sub", "custom_claims.environment"]]))]
    pub required_claims: Option<Vec<ClaimName>>,
    /// Claims that may carry the scopes, the first that the token has decides. Default `[scopes, scp, scope]`.
    #[schemars(extend("default" = ["scopes", "scp", "scope"]))]
    pub scope_claims: Option<Vec<String>>,
    /// What becomes of a token that is bound to its sender (`cnf`). Default `enforce`: it is refused unless its proof is
    /// checked. With `ignore` whoever stole it can use it.
    #[schemars(extend("default" = "enforce"))]
    pub binding: Option<Binding>,
    /// Whether readiness waits for the keys of this issuer. Default `true`.
    #[schemars(extend("default" = true))]
    pub required: Option<bool>,
    /// Headers to the upstream and the claim that each carries. Default: `x-jwt-sub: sub`, `x-jwt-client-id: client_id`,
    /// `x-jwt-org: oid` and `x-jwt-scope: scopes`; giving the key replaces them all. The claim name `scopes` means the
    /// token's scopes, whichever claim carries them.
    #[schemars(extend("default" = {"x-jwt-sub": "sub", "x-jwt-client-id": "client_id", "x-jwt-org": "oid", "x-jwt-scope": "scopes"}, "examples" = [{"x-jwt-roles": ["https://acme.example/roles"], "x-jwt-groups": {"claim": "groups", "as": "json"}}]))]
    pub claim_headers: Option<OrderedMap<ClaimSource>>,
}

/// Where the keys of an issuer come from; at most one of `uri`, `file` and `inline`.
#[derive(Clone, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// The URL of the key set.
    #[schemars(extend("examples" = ["https://acme.scalekit.dev/keys"]))]
    pub uri: Option<String>,
    /// A file with the key set; it is read again when it changes, every `refresh`, and when a token names a key that is
    /// not in it.
    #[schemars(extend("examples" = ["/etc/accredit/keys.json"]))]
    pub file: Option<String>,
    /// The JSON text of the key set.
    pub inline: Option<String>,
    /// How often the keys are fetched; a shorter `Cache-Control` max-age wins, but never under 30s. Default `5m`.
    #[schemars(extend("default" = "5m"))]
    pub refresh: Option<Duration>,
    /// How long the last good keys serve while the issuer is unreachable. Default `24h`. A key that was withdrawn for
    /// cause meanwhile is trusted as long.
    #[schemars(extend("default" = "24h"))]
    pub max_stale: Option<Duration>,
    /// How long a fetch may take. Default `5s`.
    #[schemars(extend("default" = "5s"))]
    pub timeout: Option<Duration>,
    /// A PEM file with the certificate authorities to trust instead of the system's. Default: the system's.
    #[schemars(extend("examples" = ["/etc/ssl/acme.pem"]))]
    pub ca_file: Option<String>,
    /// Whether the keys may be fetched over plain http from elsewhere than loopback. Default `false`. Whoever can change
    /// that traffic can then make tokens that are accepted.
    #[schemars(extend("default" = false))]
    pub allow_http: Option<bool>,
}

impl Issuer {
    /// An issuer of which nothing more is said.
    pub fn new(issuer: OneOrMany, audiences: Audiences) -> Issuer {
        Issuer {
            issuer,
            jwks: None,
            audiences,
            audience_absent: None,
            algorithms: None,
            token_types: None,
            clock_skew: None,
            max_lifetime: None,
            required_claims: None,
            scope_claims: None,
            binding: None,
            required: None,
            claim_headers: None,
        }
    }
}

/// A string or a list of strings.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// Just one.
    One(String),
    /// Several.
    Many(#[schemars(length(min = 1))] Vec<String>),
}

/// The audiences of which a token needs one, or `any`.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Audiences {
    /// Any one of these.
    OneOf(#[schemars(length(min = 1))] Vec<String>),
    /// The check is turned off.
    Any(AnyAudience),
}

/// The word that turns the audience check off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub enum AnyAudience {
    /// Whatever the audience.
    #[serde(rename = "any")]
    Any,
}

/// What becomes of a token without an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AudienceAbsent {
    /// It is refused.
    Refuse,
    /// It passes.
    Accept,
}

/// What becomes of a token that is bound to its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// It is refused unless its proof is checked.
    Enforce,
    /// The binding is not looked at.
    Ignore,
}

/// Who decides on a token whose issuer has no usable key at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unavailable {
    /// It is refused.
    Refuse,
    /// Envoy decides, by its `failure_mode_allow`.
    Defer,
}

/// A signature algorithm by its name in RFC 7518, RFC 8037 or RFC 9864.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
    Ed25519,
}

/// The name of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClaimName {
    /// A path that splits at dots, as `custom_claims.environment`.
    Dotted(String),
    /// A path whose segments are taken literally, for names with dots.
    Literal(#[schemars(length(min = 1))] Vec<String>),
}

/// What a claim header carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClaimSource {
    /// The claim at a path that splits at dots.
    Dotted(String),
    /// The claim at a path whose segments are taken literally, for names with dots.
    Literal(#[schemars(length(min = 1))] Vec<String>),
    /// The claim in another form.
    Encoded(EncodedClaim),
}

/// A claim and the form in which it is carried.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncodedClaim {
    /// The name of the claim. Required.
    pub claim: ClaimName,
    /// The form. Required.
    #[serde(rename = "as")]
    pub encoding: ClaimEncoding,
}

/// A form in which a claim is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimEncoding {
    /// The claim's JSON in base64url.
    Json,
}

// A part of any value may come from the environment and be secret: these print their names alone.

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").finish_non_exhaustive()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").finish_non_exhaustive()
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").finish_non_exhaustive()
    }
}
