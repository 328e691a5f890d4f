//! The defaults of the configuration's keys (CONTRACT 3.5). The schema and the settings both take them from here.

use std::time::Duration as StdDuration;

use crate::config::units::{Duration, Size};
use crate::jose::algorithm::Algorithm;
use crate::token::bearer::DEFAULT_MAX_TOKEN_SIZE;

pub const LISTEN: &str = "0.0.0.0:9191";
pub const ADMIN_LISTEN: &str = "127.0.0.1:9192";
pub(crate) const FORWARD_TOKEN: bool = true;
pub(crate) const STRIP_HEADERS: [&str; 1] = ["x-jwt-*"];
pub(crate) const REALM: &str = "api";
pub(crate) const TOKEN_CACHE: Size = Size::new(64 << 20);
pub(crate) const MAX_TOKEN_SIZE: Size = Size::new(DEFAULT_MAX_TOKEN_SIZE as u64);
pub(crate) const MAX_CONCURRENT_CHECKS: u32 = 1024;
pub(crate) const CHECK_TIMEOUT: Duration = seconds(1);
pub(crate) const STARTUP_WAIT: Duration = seconds(30);
pub(crate) const DRAIN: Duration = seconds(20);
pub(crate) const ERROR_DETAILS: bool = true;

pub const ALGORITHMS: [Algorithm; 1] = [Algorithm::Rs256];
pub(crate) const TOKEN_TYPES: [&str; 2] = ["JWT", "at+jwt"];
pub const CLOCK_SKEW: Duration = seconds(30);
pub(crate) const REQUIRED_CLAIMS: [&str; 1] = ["sub"];
pub(crate) const AUDIENCE_CLAIMS: [&str; 1] = ["aud"];
pub(crate) const SCOPE_CLAIMS: [&str; 3] = ["scopes", "scp", "scope"];
pub(crate) const REQUIRED: bool = true;

pub const PREFLIGHT: bool = false;
/// Header to the upstream, and the claim that it carries.
pub(crate) const CLAIM_HEADERS: [(&str, &str); 4] = [
    ("x-jwt-sub", "sub"),
    ("x-jwt-client-id", "client_id"),
    ("x-jwt-org", "oid"),
    ("x-jwt-scope", "scopes"),
];

pub const REFRESH: Duration = seconds(5 * 60);
pub(crate) const MAX_STALE: Duration = seconds(24 * 60 * 60);
pub(crate) const FETCH_TIMEOUT: Duration = seconds(5);
pub(crate) const REVOKED_REFRESH: Duration = seconds(30);
pub(crate) const ALLOW_HTTP: bool = false;

const fn seconds(seconds: u64) -> Duration {
    Duration::new(StdDuration::from_secs(seconds))
}

/// [`ALGORITHMS`] as the schema writes them.
pub(crate) fn algorithm_names() -> serde_json::Value {
    ALGORITHMS.map(Algorithm::name).into_iter().collect()
}

/// [`CLAIM_HEADERS`] as the schema writes them.
pub(crate) fn claim_headers_object() -> serde_json::Value {
    CLAIM_HEADERS.into_iter().collect()
}
