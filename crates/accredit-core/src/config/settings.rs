//! A parsed configuration: the settings of every part.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::authn::issuers::Startup;
use crate::authn::realm::{ErrorDetails, Realm, WithoutKeysPolicy};
use crate::authn::tenants::Tenants;
use crate::authn::token_source::TokenSource;
use crate::authz::resource_metadata::ResourceMetadata;
use crate::config::listen_addr::ListenAddr;
use crate::config::tls_files::TlsFiles;
use crate::expression::Expression;
use crate::forward::claim_headers::ClaimHeaders;
use crate::forward::header_name::{HeaderName, HeaderPrefix};
use crate::forward::strip::TokenForwarding;
use crate::keys::source::{FetchSettings, KeySource};
use crate::proof::redis_url::RedisUrl;
use crate::revocation::source::DenyListSettings;
use crate::rules::ambiguity::Ambiguities;
use crate::rules::host::Host;
use crate::rules::rule::Rule;
use crate::rules::rules_file::RulesFileStatus;
use crate::token::claim_name::ClaimName;
use crate::token::requirements::Requirements;

/// The settings of the service, completely parsed.
#[derive(Debug)]
pub struct Settings {
    /// The address at which checks are answered.
    pub listen: ListenAddr,
    /// The address of health, metrics, the admin API and the console.
    pub admin_listen: ListenAddr,
    /// The address of the probes.
    pub probe_listen: Option<ListenAddr>,
    /// TLS on `listen`.
    pub tls: Option<TlsFiles>,
    /// TLS on `admin_listen`.
    pub admin_tls: Option<TlsFiles>,
    /// Further values of `Host` that `admin_listen` answers to.
    pub admin_hosts: Vec<Host>,
    pub issuers: Vec<IssuerSettings>,
    /// The places where a request can carry a token.
    pub token_sources: Vec<TokenSource>,
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// The files of `rules_from`, whose rules are among these. `None` without `rules_from`.
    pub rules_files: Option<Vec<RulesFileStatus>>,
    /// Names in the dynamic metadata of admissions, and the expressions that give their values.
    pub metadata: Vec<(Arc<str>, Expression)>,
    /// The kinds of ambiguous paths that are accepted.
    pub ambiguous_paths: Ambiguities,
    /// Whether the token of an admitted request stays in the request.
    pub token_forwarding: TokenForwarding,
    /// The header that carries a verified token's payload.
    pub payload_header: Option<HeaderName>,
    /// The names of `strip_headers`: headers that are removed unless the token sets them.
    pub strip_names: Vec<HeaderName>,
    /// The prefixes of `strip_headers`.
    pub strip_prefixes: Vec<HeaderPrefix>,
    pub realm: Realm,
    /// Whether denials state the cause to the client.
    pub error_details: ErrorDetails,
    /// Claims of verified tokens that logs and the tail show to operators.
    pub log_claims: Vec<ClaimName>,
    /// The short hash of the configuration.
    pub config: Arc<str>,
    /// The answer for a token whose issuer has no usable key (`unavailable`).
    pub unavailable: WithoutKeysPolicy,
    /// The metadata of the API, which accredit answers itself.
    pub resource_metadata: Option<ResourceMetadata>,
    /// The memory of used proofs.
    pub replay: ReplaySettings,
    /// The deny list.
    pub revoked: Option<DenyListSettings>,
    /// The folder of the saved key sets.
    pub state_dir: Option<PathBuf>,
    /// The size of the token cache in bytes. 0 turns it off.
    pub token_cache: u64,
    /// In bytes.
    pub max_token_size: usize,
    /// The limit of checks in flight.
    pub max_concurrent_checks: usize,
    /// How long a check may wait for keys.
    pub check_timeout: Duration,
    /// How long readiness waits for every required issuer.
    pub startup_wait: Duration,
    /// The time limit of the shutdown.
    pub drain: Duration,
}

/// The memory of used proofs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaySettings {
    /// How many proofs the process remembers.
    pub size: usize,
    /// The memory that replicas share.
    pub redis: Option<RedisUrl>,
}

/// One issuer entry.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Its `iss` values.
    pub names: Vec<Arc<str>>,
    /// The source of its keys.
    pub key_source: KeySource,
    /// The settings of fetches.
    pub fetch: FetchSettings,
    pub requirements: Requirements,
    pub claim_headers: ClaimHeaders,
    /// Whether readiness waits for its keys.
    pub startup: Startup,
    /// The accepted tenants, if a name has a placeholder.
    pub tenants: Option<Tenants>,
}
