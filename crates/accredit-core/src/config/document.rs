//! The root of the configuration as the file has it: its keys, typed. `resolve` gives them their meaning.
//!
//! The comments on the fields are the descriptions of the JSON Schema and of the reference in docs/configuration.md.
//! The schema adds the default of each key from `defaults`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::authn::realm::WithoutKeysPolicy;
use crate::config::defaults;
use crate::config::issuer_document::IssuerDocument;
use crate::config::one_or_many::ClaimNameDocument;
use crate::config::ordered_map::OrderedMap;
use crate::config::replay_document::ReplayDocument;
use crate::config::resource_metadata_document::ResourceMetadataDocument;
use crate::config::revoked_document::RevokedDocument;
use crate::config::rule_document::{RuleDocument, RulesFromDocument, TokenSourceDocument};
use crate::config::units::{Duration, Size};
use crate::config::warning::WarningCode;
use crate::config::words::Word;
use crate::rules::ambiguity::Ambiguity;

/// The configuration of accredit.
#[derive(Clone, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Configuration")]
pub struct ConfigDocument {
    /// The address where Envoy's checks (ext_authz over gRPC) are answered: `IP:port`, or `unix:/path` for a socket of
    /// mode 0660.
    #[schemars(extend("default" = defaults::LISTEN, "examples" = ["unix:/run/accredit/accredit.sock"]))]
    pub listen: Option<String>,
    /// The address of health, metrics, the admin API and the console. It shows live decisions to every client that can
    /// connect: keep it on loopback, or require client certificates with `admin_tls`.
    #[schemars(extend("default" = defaults::ADMIN_LISTEN))]
    pub admin_listen: Option<String>,
    /// The address for kubelet and Prometheus: `/livez`, `/readyz` and `/metrics`, and nothing else. Default: none.
    #[schemars(extend("examples" = ["0.0.0.0:9194"]))]
    pub probe_listen: Option<String>,
    /// TLS on `listen`. Default: none. Without TLS, an attacker on the network can read tokens and change decisions. An
    /// empty mapping means no TLS.
    pub tls: Option<TlsDocument>,
    /// TLS on `admin_listen`, with the same keys. Default: none.
    pub admin_tls: Option<TlsDocument>,
    /// Values of `Host` that `admin_listen` answers, besides loopback names and its own address. Each name is one
    /// through which a web page can reach it (DNS rebinding). Default: none.
    #[schemars(extend("examples" = [["accredit.internal"]]))]
    pub admin_hosts: Option<Vec<String>>,
    /// The trusted issuers. Required.
    #[schemars(length(min = 1))]
    pub issuers: Vec<IssuerDocument>,
    /// Where accredit looks for a token. A request with two different tokens is denied. Default: the header
    /// `authorization` with the scheme `Bearer`.
    #[schemars(length(min = 1))]
    pub token_sources: Option<Vec<TokenSourceDocument>>,
    /// Whether the token stays in the request to the upstream.
    #[schemars(extend("default" = defaults::FORWARD_TOKEN))]
    pub forward_token: Option<bool>,
    /// A header to the upstream for the verified token's own payload segment (base64url, unpadded). Default: none.
    #[schemars(extend("examples" = ["x-jwt-payload"]))]
    pub payload_header: Option<String>,
    /// Headers that are removed from every admitted request unless the token sets them: names, or prefixes with a final
    /// `*`. A client can set every other header itself, except claim headers.
    #[schemars(extend("default" = defaults::STRIP_HEADERS))]
    pub strip_headers: Option<Vec<String>>,
    /// The realm of the challenge in `WWW-Authenticate`.
    #[schemars(extend("default" = defaults::REALM))]
    pub realm: Option<String>,
    /// A list of tokens that are refused with `revoked` although they are valid, from a file or from an address. Default:
    /// none.
    pub revoked: Option<RevokedDocument>,
    /// The metadata of the API (RFC 9728), which accredit answers itself at its well-known path, and which every challenge names.
    /// Default: none.
    pub resource_metadata: Option<ResourceMetadataDocument>,
    /// The memory of used DPoP proofs. Default: 100000 proofs in the memory of the process.
    pub replay: Option<ReplayDocument>,
    /// A folder that keeps the last-known-good keys of each issuer across a restart, for a time when the issuer is
    /// unreachable. A program that can write there can make tokens that accredit accepts, so accredit reads the folder and
    /// its files only if they belong to its user, and neither group nor others can write them. Default: none.
    #[schemars(extend("examples" = ["/var/lib/accredit/keys"]))]
    pub state_dir: Option<String>,
    /// The size of the token cache, which holds verified tokens. `0` turns it off.
    #[schemars(extend("default" = defaults::TOKEN_CACHE, "examples" = ["0"]))]
    pub token_cache: Option<Size>,
    /// The maximum length of a token, at most `64KiB`. A longer one is malformed.
    #[schemars(extend("default" = defaults::MAX_TOKEN_SIZE, "examples" = ["32KiB"]))]
    pub max_token_size: Option<Size>,
    /// The limit of checks in flight. accredit denies further checks with 503.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    #[schemars(extend("default" = defaults::MAX_CONCURRENT_CHECKS))]
    pub max_concurrent_checks: Option<u32>,
    /// How long a check waits for keys. Envoy's deadline can end the wait earlier.
    #[schemars(extend("default" = defaults::CHECK_TIMEOUT))]
    pub check_timeout: Option<Duration>,
    /// How long readiness waits for the keys of all required issuers.
    #[schemars(extend("default" = defaults::STARTUP_WAIT))]
    pub startup_wait: Option<Duration>,
    /// The time limit of the shutdown, in which checks in flight finish.
    #[schemars(extend("default" = defaults::DRAIN))]
    pub drain: Option<Duration>,
    /// The answer if an issuer has no usable key: `refuse` with 503, or `defer` to Envoy's `failure_mode_allow`. What
    /// Envoy then lets through keeps the client's own headers, claim headers included.
    #[schemars(extend("default" = "refuse"))]
    pub unavailable: Option<Word<WithoutKeysPolicy>>,
    /// Whether denials state the cause, in `details` and `error_description`.
    #[schemars(extend("default" = defaults::ERROR_DETAILS))]
    pub error_details: Option<bool>,
    /// Claims of verified tokens whose values may appear in logs, spans and the tail. They can be personal data.
    /// Default: none.
    #[schemars(extend("examples" = [["oid", "client_id"]]))]
    pub log_claims: Option<Vec<ClaimNameDocument>>,
    /// Kinds of ambiguous paths that accredit accepts. Default: none. If any rule reads paths, accredit denies requests
    /// with every other ambiguous path.
    #[schemars(extend("examples" = [["encoded_slash"]]))]
    pub ambiguous_paths: Option<Vec<Word<Ambiguity>>>,
    /// Codes of warnings that the operator accepts. `accredit check` and the log leave them out. Default: none.
    #[schemars(extend("examples" = [["audiences_any"]]))]
    pub accept_warnings: Option<Vec<Word<WarningCode>>>,
    /// Environment variables that expressions can read as `env.NAME`. Default: none.
    #[schemars(extend("examples" = [["ENVIRONMENT"]]))]
    pub expression_env: Option<Vec<String>>,
    /// Names and CEL expressions. The dynamic metadata of an admission has their values, with their types. An expression that
    /// fails or yields null adds nothing. Default: none.
    #[schemars(extend("minProperties" = 1, "examples" = [{"limit": "claims.custom_claims.limit"}]))]
    pub metadata: Option<OrderedMap<String>>,
    /// The values of `expression_env`. `load` reads them from the environment.
    #[serde(skip)]
    pub expression_values: BTreeMap<String, String>,
    /// What requests need. The first rule that matches decides. Default: none. Every request then needs a token.
    pub rules: Option<Vec<RuleDocument>>,
    /// Files with further rules, each bounded to hosts and paths, for rules of other teams. Default: none.
    #[schemars(extend("examples" = [[{"files": "/etc/accredit/teams/shop/*.yaml", "hosts": ["shop.acme.example"], "paths": ["/shop/**"]}]]))]
    pub rules_from: Option<Vec<RulesFromDocument>>,
}

/// TLS of one port. accredit reads the files again when they change. Open connections go on.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tls")]
pub struct TlsDocument {
    /// A PEM file with the certificate of the port and its intermediate certificates. Required, with `private_key`.
    #[schemars(extend("examples" = ["/tls/tls.crt"]))]
    pub certificate: Option<String>,
    /// A PEM file with the private key of the certificate. Required, with `certificate`.
    #[schemars(extend("examples" = ["/tls/tls.key"]))]
    pub private_key: Option<String>,
    /// A PEM file with the certificate authorities of clients. If set, a client without a certificate of one of them is
    /// refused in the handshake (mutual TLS). Default: none, and every client can connect.
    #[schemars(extend("examples" = ["/tls/ca.crt"]))]
    pub client_ca: Option<String>,
    /// The permitted clients of `client_ca`: DNS names and URIs, such as SPIFFE IDs, of which the client's certificate
    /// must have one. Default: every client of these authorities.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["spiffe://cluster.local/ns/istio-system/sa/ingressgateway"]]))]
    pub client_names: Option<Vec<String>>,
}

impl ConfigDocument {
    /// The `files` of each entry of `rules_from`.
    pub fn rules_files(&self) -> impl Iterator<Item = &str> {
        let entries = self.rules_from.iter().flatten();
        entries.map(|entry| entry.files.as_str())
    }
}

// A value can come from the environment and be secret, so Debug shows none.
impl fmt::Debug for ConfigDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigDocument").finish_non_exhaustive()
    }
}
