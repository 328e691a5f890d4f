//! `revoked`: where the deny list comes from.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::defaults;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::revoked_document::RevokedDocument;
use crate::config::sentence::Sentence;
use crate::config::warning::WarningCode;
use crate::keys::source::{KeyAddress, Transport};
use crate::revocation::source::{DenyListSettings, DenyListSource};

/// With a shorter interval, accredit would fetch without a pause.
const MIN_REFRESH: Duration = Duration::from_millis(100);

/// `None` without a deny list, and where a problem was reported.
pub fn revoked(
    document: Option<&RevokedDocument>,
    problems: &mut Problems,
) -> Option<DenyListSettings> {
    let document = document?;
    let source = match (&document.file, &document.uri) {
        (Some(file), None) => {
            refuse_keys_of_fetches(document, problems);
            file_source(file, problems)
        }
        (None, Some(uri)) => uri_source(uri, document, problems),
        _ => {
            // A placeholder of a key with a wrong type is reported already.
            problems.error(
                "revoked",
                "the deny list needs either `file` or `uri`",
                "set one of them",
            );
            None
        }
    };
    let refresh = document
        .refresh
        .unwrap_or(defaults::REVOKED_REFRESH)
        .to_std();
    let timeout = document.timeout.unwrap_or(defaults::FETCH_TIMEOUT).to_std();
    for (name, value, least) in [
        ("refresh", refresh, MIN_REFRESH),
        ("timeout", timeout, Duration::from_millis(1)),
    ] {
        if value < least {
            problems.error(
                &path::member("revoked", name),
                "this duration is too short",
                Sentence::own(format!("write at least {least:?}")),
            );
        }
    }
    Some(DenyListSettings {
        source: source?,
        refresh,
        timeout,
        ca_file: document.ca_file.as_ref().map(PathBuf::from),
    })
}

fn file_source(file: &str, problems: &mut Problems) -> Option<DenyListSource> {
    if file.is_empty() {
        problems.error(
            "revoked.file",
            "this path is empty",
            "write the path of a file",
        );
        return None;
    }
    Some(DenyListSource::File(PathBuf::from(file)))
}

fn uri_source(
    uri: &str,
    document: &RevokedDocument,
    problems: &mut Problems,
) -> Option<DenyListSource> {
    let transport = match document.allow_http.unwrap_or(defaults::ALLOW_HTTP) {
        false => Transport::Https,
        true => {
            problems.warn(
                WarningCode::HttpKeys,
                "revoked.allow_http",
                "an attacker on the network between accredit and that server can admit revoked tokens",
                "use https",
            );
            Transport::HttpToo
        }
    };
    match KeyAddress::parse(uri, transport) {
        Ok(address) => Some(DenyListSource::Uri(address)),
        Err(error) => {
            let what = Sentence::own(error.to_string());
            problems.error("revoked.uri", what, error.advice());
            None
        }
    }
}

/// A file is watched, and not fetched.
fn refuse_keys_of_fetches(document: &RevokedDocument, problems: &mut Problems) {
    let keys = [
        ("refresh", document.refresh.is_some()),
        ("timeout", document.timeout.is_some()),
        ("ca_file", document.ca_file.is_some()),
        ("allow_http", document.allow_http.is_some()),
    ];
    for (name, is_set) in keys {
        if is_set {
            problems.error(
                &path::member("revoked", name),
                "this key is for a list that is fetched from `uri`; a file is read when it changes",
                "remove it",
            );
        }
    }
}
