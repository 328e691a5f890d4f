//! From the typed document to [`Settings`]: what the values mean, with every problem collected and none thrown early.

use std::path::PathBuf;
use std::time::Duration;

use crate::authn::realm::{ErrorDetails, Realm, WithoutKeysPolicy};
use crate::config::document::{Document, Unavailable};
use crate::config::fingerprint;
use crate::config::locations::Locations;
use crate::config::path;
use crate::config::problem::{Problem, Problems};
use crate::config::resolve::headers::{claim_name, payload_header, strip_headers};
use crate::config::resolve::issuers::issuers;
use crate::config::resolve::rules::{ambiguous_paths, rules};
use crate::config::resolve::sources::{refuse_shared_names, token_sources};
use crate::config::resolve::tls::tls;
use crate::config::settings::Settings;
use crate::forward::strip::TokenForwarding;
use crate::server::host_guard::HostName;
use crate::server::listener::ListenAddr;
use crate::server::tls_files::TlsFiles;

pub mod headers;
pub mod issuers;
pub mod keys;
pub mod matches;
pub mod rules;
pub mod sources;
pub mod tls;

const DEFAULT_LISTEN: &str = "0.0.0.0:9191";
const DEFAULT_ADMIN_LISTEN: &str = "127.0.0.1:9192";
const DEFAULT_TOKEN_CACHE: u64 = 64 * 1024 * 1024;
const DEFAULT_MAX_CONCURRENT_CHECKS: u32 = 1024;

/// A configuration that can be served, and what is legal in it but unwise.
#[derive(Debug)]
pub struct Resolved {
    /// The settings.
    pub settings: Settings,
    /// What its author should hear.
    pub warnings: Vec<Problem>,
}

/// Resolves a document.
///
/// # Errors
/// Every problem, warnings included, if one of them is an error.
pub fn resolve(document: &Document, locations: Locations) -> Result<Resolved, Vec<Problem>> {
    let mut problems = Problems::new(locations);
    let settings = settings(document, &mut problems);
    if let Some(settings) = &settings {
        refuse_shared_names(settings, &mut problems);
    }
    let failed = problems.has_errors();
    let problems = problems.into_sorted();
    match settings {
        Some(settings) if !failed => Ok(Resolved {
            settings,
            warnings: problems,
        }),
        _ => Err(problems),
    }
}

/// `None` only where a problem was reported.
fn settings(document: &Document, problems: &mut Problems) -> Option<Settings> {
    let listen = address(
        "listen",
        document.listen.as_deref().unwrap_or(DEFAULT_LISTEN),
        problems,
    );
    let admin_listen = address(
        "admin_listen",
        document
            .admin_listen
            .as_deref()
            .unwrap_or(DEFAULT_ADMIN_LISTEN),
        problems,
    );
    let probe_listen = document
        .probe_listen
        .as_deref()
        .map(|text| address("probe_listen", text, problems));
    let listen_tls = tls("tls", document.tls.as_ref(), problems);
    let admin_tls = tls("admin_tls", document.admin_tls.as_ref(), problems);
    warn_of_open_admin(admin_listen.as_ref(), admin_tls.as_ref(), problems);
    let admin_hosts = admin_hosts(document, problems);
    let payload_header = payload_header(document.payload_header.as_deref(), problems);
    let (strip_names, strip_prefixes) = strip_headers(document.strip_headers.as_deref(), problems);
    let issuers = issuers(&document.issuers, payload_header.as_ref(), problems);
    let token_forwarding = match document.forward_token {
        Some(false) => TokenForwarding::Remove,
        Some(true) | None => TokenForwarding::Keep,
    };
    let sources = document.token_sources.as_deref();
    let token_sources = token_sources(sources, token_forwarding, problems);
    let rules = rules(
        document.rules.as_deref().unwrap_or_default(),
        &issuers,
        token_forwarding,
        problems,
    );
    let ambiguous_paths = ambiguous_paths(
        document.ambiguous_paths.as_deref().unwrap_or_default(),
        problems,
    );
    let state_dir = state_dir(document.state_dir.as_deref(), problems);
    let realm = realm(document.realm.as_deref(), problems);
    let log_claims = document
        .log_claims
        .iter()
        .flatten()
        .enumerate()
        .filter_map(|(number, name)| claim_name(&path::item("log_claims", number), name, problems))
        .collect();
    let duration = |key: &str,
                    value: Option<crate::config::units::Duration>,
                    default: u64,
                    problems: &mut Problems| {
        positive(
            key,
            value.map_or(Duration::from_secs(default), |value| value.to_std()),
            problems,
        )
    };
    let check_timeout = duration("check_timeout", document.check_timeout, 1, problems);
    let startup_wait = document
        .startup_wait
        .map_or(Duration::from_secs(30), |wait| wait.to_std());
    let drain = duration("drain", document.drain, 20, problems);
    let max_concurrent_checks = document
        .max_concurrent_checks
        .unwrap_or(DEFAULT_MAX_CONCURRENT_CHECKS);
    Some(Settings {
        listen: listen?,
        admin_listen: admin_listen?,
        probe_listen: match probe_listen {
            Some(address) => Some(address?),
            None => None,
        },
        tls: listen_tls,
        admin_tls,
        admin_hosts,
        issuers,
        token_sources,
        rules,
        ambiguous_paths,
        token_forwarding,
        payload_header,
        strip_names,
        strip_prefixes,
        realm: realm?,
        error_details: match document.error_details {
            Some(false) => ErrorDetails::Hidden,
            Some(true) | None => ErrorDetails::Shown,
        },
        log_claims,
        config: fingerprint::of(document),
        unavailable: unavailable(document.unavailable, problems),
        state_dir,
        token_cache: document
            .token_cache
            .map_or(DEFAULT_TOKEN_CACHE, |size| size.bytes()),
        max_concurrent_checks: usize::try_from(max_concurrent_checks).unwrap_or(usize::MAX),
        check_timeout,
        startup_wait,
        drain,
    })
}

/// How an address to listen on is written.
const ADDRESS: &str = "write an IP address and a port, such as 0.0.0.0:9191 or [::]:9191, or unix: and a path that begins with /";

fn address(key: &str, text: &str, problems: &mut Problems) -> Option<ListenAddr> {
    match text.parse() {
        Ok(address) => Some(address),
        Err(error) => {
            problems.error(key, format!("{error}"), ADDRESS);
            None
        }
    }
}

fn warn_of_open_admin(
    admin_listen: Option<&ListenAddr>,
    admin_tls: Option<&TlsFiles>,
    problems: &mut Problems,
) {
    // TLS without client certificates hides what is said, but still says it to everyone.
    let asks_who_is_there = admin_tls.is_some_and(|tls| tls.client_ca.is_some());
    if let Some(ListenAddr::Tcp(address)) = admin_listen
        && !address.ip().is_loopback()
        && !asks_who_is_there
    {
        problems.warn(
            "admin_listen",
            "everyone who reaches this address can see issuers and keys, and ask for refreshes",
            "bind it to 127.0.0.1, and use probe_listen for probes and metrics; or ask for client certificates with admin_tls.client_ca",
        );
    }
}

fn admin_hosts(document: &Document, problems: &mut Problems) -> Vec<HostName> {
    let mut hosts = Vec::new();
    for (number, text) in document.admin_hosts.iter().flatten().enumerate() {
        match text.parse() {
            Ok(host) => hosts.push(host),
            Err(error) => {
                let error: crate::server::host_guard::HostNameError = error;
                problems.error(
                    &path::item("admin_hosts", number),
                    error.to_string(),
                    "write a host name or an address, without port",
                );
            }
        }
    }
    hosts
}

fn state_dir(text: Option<&str>, problems: &mut Problems) -> Option<PathBuf> {
    if text == Some("") {
        problems.error("state_dir", "this is no folder", "write a path");
    }
    text.map(PathBuf::from)
}

fn unavailable(word: Option<Unavailable>, problems: &mut Problems) -> WithoutKeysPolicy {
    match word {
        Some(Unavailable::Defer) => {
            problems.warn(
                "unavailable",
                "where an issuer has no keys, an Envoy with failure_mode_allow lets its tokens through unchecked, and the \
                 client's own headers with them, claim headers included",
                "leave it at `refuse`, or remove claim headers in Envoy before ext_authz",
            );
            WithoutKeysPolicy::Defer
        }
        Some(Unavailable::Refuse) | None => WithoutKeysPolicy::Refuse,
    }
}

fn realm(text: Option<&str>, problems: &mut Problems) -> Option<Realm> {
    match text.map_or(Ok(Realm::default()), Realm::parse) {
        Ok(realm) => Some(realm),
        Err(_) => {
            problems.error(
                "realm",
                "this cannot stand in quotes in a WWW-Authenticate header",
                "use printable ASCII characters other than \" and \\",
            );
            None
        }
    }
}

/// A span of zero would turn the thing off without saying so.
fn positive(key: &str, value: Duration, problems: &mut Problems) -> Duration {
    if value.is_zero() {
        problems.error(
            key,
            "this must be longer than zero",
            "write a duration such as 1s",
        );
    }
    value
}

#[cfg(test)]
mod tests;
