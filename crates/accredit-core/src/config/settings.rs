//! A configuration ready to be built: every part's own settings, already parsed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::authn::issuers::Startup;
use crate::authn::realm::{ErrorDetails, Realm, WithoutKeysPolicy};
use crate::authn::sources::TokenSource;
use crate::authn::tenants::Tenants;
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

/// What the service is built from; nothing is left to parse.
#[derive(Debug)]
pub struct Settings {
    /// Where checks are answered.
    pub listen: ListenAddr,
    /// Where health, metrics, the admin API and the console are answered.
    pub admin_listen: ListenAddr,
    /// Where only probes are answered.
    pub probe_listen: Option<ListenAddr>,
    /// TLS where checks are answered.
    pub tls: Option<TlsFiles>,
    /// TLS where the admin API is answered.
    pub admin_tls: Option<TlsFiles>,
    /// Further values of `Host` that `admin_listen` answers to.
    pub admin_hosts: Vec<Host>,
    pub issuers: Vec<IssuerSettings>,
    /// Where a token may lie.
    pub token_sources: Vec<TokenSource>,
    /// What requests need, in order.
    pub rules: Vec<Rule>,
    /// The files of `rules_from`, whose rules are among these. `None` without `rules_from`.
    pub rules_files: Option<Vec<RulesFileStatus>>,
    /// Names in the dynamic metadata of admissions, and the expressions that give their values.
    pub metadata: Vec<(Arc<str>, Expression)>,
    /// Ambiguities of paths that are let through.
    pub ambiguous_paths: Ambiguities,
    /// What becomes of an admitted request's token.
    pub token_forwarding: TokenForwarding,
    /// The header that carries a verified token's payload.
    pub payload_header: Option<HeaderName>,
    /// Headers that are removed unless a token sets them, beside those that a token can set.
    pub strip_names: Vec<HeaderName>,
    /// Beginnings of such headers.
    pub strip_prefixes: Vec<HeaderPrefix>,
    pub realm: Realm,
    /// Whether refusals say what is wrong.
    pub error_details: ErrorDetails,
    /// Claims of verified tokens that logs and the tail show to operators.
    pub log_claims: Vec<ClaimName>,
    /// A short name of the configuration.
    pub config: Arc<str>,
    /// Who decides on a token whose issuer has no keys.
    pub unavailable: WithoutKeysPolicy,
    /// The metadata of the API, which accredit answers itself.
    pub resource_metadata: Option<ResourceMetadata>,
    /// The memory of used proofs.
    pub replay: ReplaySettings,
    /// The deny list.
    pub revoked: Option<DenyListSettings>,
    /// Where last good key sets are kept.
    pub state_dir: Option<PathBuf>,
    /// Bytes for verified tokens; 0 remembers none.
    pub token_cache: u64,
    /// In bytes.
    pub max_token_size: usize,
    /// Checks in flight at most.
    pub max_concurrent_checks: usize,
    /// How long a check may wait for keys.
    pub check_timeout: Duration,
    /// How long readiness waits for every required issuer.
    pub startup_wait: Duration,
    /// How long stopping may take.
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
    /// Where its keys come from.
    pub key_source: KeySource,
    /// How they are fetched.
    pub fetch: FetchSettings,
    pub requirements: Requirements,
    pub claim_headers: ClaimHeaders,
    /// Whether readiness waits for its keys.
    pub startup: Startup,
    /// The accepted tenants, if a name has a placeholder.
    pub tenants: Option<Tenants>,
}
