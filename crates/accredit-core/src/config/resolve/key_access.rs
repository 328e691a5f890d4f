//! `jwks.bearer_file`, `jwks.client_certificate`, `jwks.client_key` and `jwks.connect`: how fetches reach a key server.

use std::path::PathBuf;

use url::{Host, Url};

use crate::config::issuer_document::JwksDocument;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::keys::access::{ClientIdentityFiles, ConnectTarget, KeyAccess};
use crate::keys::source::{KeyAddress, KeySource, Transport};

/// `key` is the key path of the mapping `jwks`.
pub fn key_access(
    key: &str,
    jwks: &JwksDocument,
    source: &KeySource,
    problems: &mut Problems,
) -> KeyAccess {
    let home = match source {
        KeySource::Uri(address) => Some(address.url().clone()),
        KeySource::Discovery { issuer, transport } => KeyAddress::parse(issuer, *transport)
            .ok()
            .map(|address| address.url().clone()),
        KeySource::File(_) | KeySource::Inline(_) => None,
    };
    let Some(home) = home else {
        refuse_without_fetch(key, jwks, problems);
        return KeyAccess::default();
    };
    KeyAccess {
        bearer_file: bearer_file(key, jwks, &home, problems),
        client_identity: client_identity(key, jwks, problems),
        connect: connect(key, jwks, &home, problems),
        home: Some(home),
    }
}

/// Keys of a file or of the configuration are not fetched.
fn refuse_without_fetch(key: &str, jwks: &JwksDocument, problems: &mut Problems) {
    for (name, value) in [
        ("bearer_file", &jwks.bearer_file),
        ("client_certificate", &jwks.client_certificate),
        ("client_key", &jwks.client_key),
        ("connect", &jwks.connect),
    ] {
        if value.is_some() {
            problems.error(
                &path::member(key, name),
                "this key is for fetches, and these keys are not fetched",
                "remove it, or set jwks.uri",
            );
        }
    }
}

fn bearer_file(
    key: &str,
    jwks: &JwksDocument,
    home: &Url,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let file = jwks.bearer_file.as_ref()?;
    let key = path::member(key, "bearer_file");
    if file.is_empty() {
        problems.error(&key, "this path is empty", "write the path of a file");
    }
    // `allow_http` permits public keys over http, and no credential.
    if KeyAddress::parse(home.as_str(), Transport::Https).is_err() {
        problems.error(
            &key,
            "the token would be sent over plain http, where it can be read",
            "use https for the key set",
        );
    }
    Some(PathBuf::from(file))
}

fn client_identity(
    key: &str,
    jwks: &JwksDocument,
    problems: &mut Problems,
) -> Option<ClientIdentityFiles> {
    match (&jwks.client_certificate, &jwks.client_key) {
        (None, None) => None,
        (Some(certificate), Some(private_key)) => Some(ClientIdentityFiles {
            certificate: PathBuf::from(certificate),
            private_key: PathBuf::from(private_key),
        }),
        (certificate, _) => {
            let (given, absent) = match certificate {
                Some(_) => ("client_certificate", "client_key"),
                None => ("client_key", "client_certificate"),
            };
            problems.error(
                &path::member(key, given),
                Sentence::own(format!("`{absent}` is missing")),
                Sentence::own(format!("set `{absent}` too")),
            );
            None
        }
    }
}

fn connect(
    key: &str,
    jwks: &JwksDocument,
    home: &Url,
    problems: &mut Problems,
) -> Option<ConnectTarget> {
    let text = jwks.connect.as_deref()?;
    let key = path::member(key, "connect");
    let Ok(target) = text.parse::<ConnectTarget>() else {
        problems.error(
            &key,
            Sentence::quoting(&key, text).and(" is not a host and a port"),
            "write HOST:PORT, such as keys.internal:8443 or [2001:db8::1]:443",
        );
        return None;
    };
    if !matches!(home.host(), Some(Host::Domain(_))) {
        problems.error(
            &key,
            "the URL of the keys has an address instead of a name, so that there is no name to keep",
            "write this address into the URL, and remove `connect`",
        );
        return None;
    }
    // http to the name `localhost` is permitted because it stays on this machine.
    let is_loopback_name = KeyAddress::parse(home.as_str(), Transport::Https).is_ok();
    if home.scheme() == "http" && is_loopback_name && !target.is_loopback() {
        problems.error(
            &key,
            "http is permitted to loopback addresses only, and this one is none",
            "use https for the key set",
        );
        return None;
    }
    Some(target)
}
