//! Keys of the top level that have one value.

use std::path::PathBuf;
use std::time::Duration;

use crate::authn::realm::{Realm, WithoutKeysPolicy};
use crate::config::defaults;
use crate::config::document::ConfigDocument;
use crate::config::listen_addr::{ListenAddr, ListenAddrError};
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::config::tls_files::TlsFiles;
use crate::config::units::{self, Size};
use crate::config::warning::WarningCode;
use crate::config::words::Word;
use crate::rules::host::Host;
use crate::token::bearer::MAX_TOKEN_SIZE;

pub fn max_token_size(size: Option<Size>, problems: &mut Problems) -> usize {
    let size = size.unwrap_or(defaults::MAX_TOKEN_SIZE).bytes();
    match usize::try_from(size) {
        Ok(size) if (1..=MAX_TOKEN_SIZE).contains(&size) => size,
        _ => {
            problems.error(
                "max_token_size",
                "this size is outside the limits",
                "write a size from 1 to 64KiB",
            );
            MAX_TOKEN_SIZE
        }
    }
}

const ADDRESS: &str = "write an IP address and a port, such as 0.0.0.0:9191 or [::]:9191, or unix: and a path that begins with /";

pub fn address(key: &str, text: &str, problems: &mut Problems) -> Option<ListenAddr> {
    match text.parse() {
        Ok(address) => Some(address),
        Err(error) => {
            let error: ListenAddrError = error;
            let what = Sentence::quoting(key, text).and(format!(" {error}"));
            problems.error(key, what, ADDRESS);
            None
        }
    }
}

/// Two ports at addresses that one process cannot both listen on: the service could not start.
pub fn refuse_overlaps(ports: [(&str, Option<&ListenAddr>, bool); 3], problems: &mut Problems) {
    for (number, (key, address, is_written)) in ports.iter().enumerate() {
        for (other_key, other, is_other_written) in ports.iter().take(number) {
            let are_apart = !address
                .zip(*other)
                .is_some_and(|(own, other)| own.overlaps(other));
            if are_apart {
                continue;
            }
            // A default is no mistake of the operator, who chose the other address.
            let (key, other_key, is_default) = match (is_written, is_other_written) {
                (false, true) => (other_key, key, true),
                (_, is_other_written) => (key, other_key, !is_other_written),
            };
            let default = if is_default { " by default" } else { "" };
            problems.error(
                key,
                Sentence::own(format!(
                    "`{other_key}` listens on this address too{default}, and the service cannot listen there twice"
                )),
                "choose another port or path for one of them",
            );
        }
    }
}

pub fn warn_of_open_admin(
    admin_listen: Option<&ListenAddr>,
    admin_tls: Option<&TlsFiles>,
    problems: &mut Problems,
) {
    // TLS without client certificates encrypts the answers, but every client still gets them.
    let requires_certificates = admin_tls.is_some_and(|tls| tls.client_ca.is_some());
    if let Some(ListenAddr::Tcp(address)) = admin_listen
        && !address.ip().to_canonical().is_loopback()
        && !requires_certificates
    {
        problems.warn(
            WarningCode::AdminOpen,
            "admin_listen",
            "every client that can connect to this address sees live decisions, issuers and keys, and can request refreshes",
            "bind it to 127.0.0.1 and use probe_listen for probes and metrics, or require client certificates with admin_tls.client_ca",
        );
    }
}

pub fn admin_hosts(document: &ConfigDocument, problems: &mut Problems) -> Vec<Host> {
    let mut hosts = Vec::new();
    for (number, text) in document.admin_hosts.iter().flatten().enumerate() {
        // A browser shows the name with the port, so operators copy it with the port.
        let host = Host::parse(text).or_else(|_| Host::parse_authority(text));
        let key = path::item("admin_hosts", number);
        match host {
            Ok(Host::Address(address)) => hosts.push(Host::Address(address.to_canonical())),
            Ok(name) => hosts.push(name),
            Err(_) => problems.error(
                &key,
                Sentence::quoting(&key, text).and(" is not a host name or an address"),
                "write a name or an address, such as accredit.example",
            ),
        }
    }
    hosts
}

pub fn state_dir(text: Option<&str>, problems: &mut Problems) -> Option<PathBuf> {
    if text == Some("") {
        problems.error(
            "state_dir",
            "this path is empty",
            "write the path of a folder, or remove the key",
        );
    }
    text.map(PathBuf::from)
}

pub fn unavailable(
    word: Option<Word<WithoutKeysPolicy>>,
    problems: &mut Problems,
) -> WithoutKeysPolicy {
    let policy = word.map_or_else(WithoutKeysPolicy::default, |word| word.value);
    if policy == WithoutKeysPolicy::Defer {
        problems.warn(
            WarningCode::DeferWithoutKeys,
            "unavailable",
            "if an issuer has no keys, an Envoy with failure_mode_allow admits its tokens unchecked, and the client's \
             own headers with them, claim headers included",
            "set it to `refuse`, or remove claim headers in Envoy before ext_authz",
        );
    }
    policy
}

pub fn realm(text: Option<&str>, problems: &mut Problems) -> Option<Realm> {
    match Realm::parse(text.unwrap_or(defaults::REALM)) {
        Ok(realm) => Some(realm),
        Err(_) => {
            problems.error(
                "realm",
                "the realm cannot be quoted in a WWW-Authenticate header",
                "use printable ASCII characters other than \" and \\",
            );
            None
        }
    }
}

/// Zero would let every wait fail at once.
pub fn positive(key: &str, value: units::Duration, problems: &mut Problems) -> Duration {
    if value.to_std().is_zero() {
        problems.error(
            key,
            "this must be longer than zero",
            "write a duration such as 1s",
        );
    }
    value.to_std()
}
