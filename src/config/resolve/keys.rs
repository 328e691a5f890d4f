//! `jwks`: where an issuer's keys come from, and how they are fetched.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::document::Jwks;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::units;
use crate::jwks::key_set::KeySet;
use crate::jwks::source::{FetchSettings, KeyAddress, KeySource, Transport};

const DEFAULT_REFRESH: Duration = Duration::from_secs(5 * 60);
/// Below this a service would do nothing but fetch.
const SHORTEST_REFRESH: Duration = Duration::from_millis(100);
const DEFAULT_MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);
const DEFAULT_FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The keys of one entry, as they are written.
pub struct Keys<'a> {
    /// Where they stand.
    pub key: String,
    /// What stands there.
    pub jwks: Option<&'a Jwks>,
}

impl Keys<'_> {
    /// Where they come from; `None` where a problem was reported.
    pub fn source(
        &self,
        issuer_key: &str,
        names: &[Arc<str>],
        problems: &mut Problems,
    ) -> Option<KeySource> {
        let transport = self.transport(problems);
        let text =
            |read: fn(&Jwks) -> &Option<String>| self.jwks.and_then(|jwks| read(jwks).as_deref());
        match (
            text(|jwks| &jwks.uri),
            text(|jwks| &jwks.file),
            text(|jwks| &jwks.inline),
        ) {
            (Some(uri), None, None) => self.uri(uri, transport, problems),
            (None, Some(file), None) => Some(KeySource::File(PathBuf::from(file))),
            (None, None, Some(text)) => self.inline(text, problems),
            (None, None, None) => discovery(issuer_key, names, transport, problems),
            _ => {
                problems.error(
                    &self.key,
                    "more than one of uri, file and inline is given",
                    "keep one",
                );
                None
            }
        }
    }

    fn transport(&self, problems: &mut Problems) -> Transport {
        if self.jwks.and_then(|jwks| jwks.allow_http) != Some(true) {
            return Transport::Https;
        }
        problems.warn(
            &path::member(&self.key, "allow_http"),
            "whoever is between this service and the issuer can replace its keys",
            "use https",
        );
        Transport::HttpToo
    }

    fn uri(&self, uri: &str, transport: Transport, problems: &mut Problems) -> Option<KeySource> {
        let address = KeyAddress::parse(uri, transport);
        if let Err(error) = address {
            problems.error(
                &path::member(&self.key, "uri"),
                error.to_string(),
                error.advice(),
            );
        }
        address.ok().map(KeySource::Uri)
    }

    fn inline(&self, text: &str, problems: &mut Problems) -> Option<KeySource> {
        let key = path::member(&self.key, "inline");
        match KeySet::parse(text.as_bytes()) {
            Ok(key_set) => {
                warn_of_keys(&key, &key_set, problems);
                Some(KeySource::Inline(Arc::new(key_set)))
            }
            Err(error) => {
                problems.error(
                    &key,
                    format!("no key set: {error}"),
                    "put the JSON text of a key set here",
                );
                None
            }
        }
    }

    /// How they are fetched.
    pub fn fetch_settings(&self, problems: &mut Problems) -> FetchSettings {
        let mut span =
            |name: &str, read: fn(&Jwks) -> Option<units::Duration>, default: Duration| {
                let value = self
                    .jwks
                    .and_then(read)
                    .map_or(default, |value| value.to_std());
                let shortest = if name == "refresh" {
                    SHORTEST_REFRESH
                } else {
                    Duration::from_millis(1)
                };
                if value < shortest {
                    problems.error(
                        &path::member(&self.key, name),
                        "this is too short",
                        format!("write at least {shortest:?}"),
                    );
                }
                value
            };
        let refresh = span("refresh", |jwks| jwks.refresh, DEFAULT_REFRESH);
        let max_stale = span("max_stale", |jwks| jwks.max_stale, DEFAULT_MAX_STALE);
        let timeout = span("timeout", |jwks| jwks.timeout, DEFAULT_FETCH_TIMEOUT);
        if max_stale < refresh {
            problems.warn(
                &path::member(&self.key, "max_stale"),
                "keys stop serving before they are refreshed: until then every token is refused",
                "write more than `refresh`",
            );
        }
        FetchSettings {
            refresh,
            max_stale,
            timeout,
            ca_file: self
                .jwks
                .and_then(|jwks| jwks.ca_file.as_ref())
                .map(PathBuf::from),
        }
    }
}

fn discovery(
    issuer_key: &str,
    names: &[Arc<str>],
    transport: Transport,
    problems: &mut Problems,
) -> Option<KeySource> {
    let key = path::member(issuer_key, "issuer");
    let [name] = names else {
        // An empty list was reported where its names were read.
        if !names.is_empty() {
            problems.error(
                &key,
                "a list of issuers cannot be discovered",
                "set jwks.uri, jwks.file or jwks.inline",
            );
        }
        return None;
    };
    if let Err(error) = KeyAddress::parse(name, transport) {
        problems.error(
            &key,
            format!("its keys cannot be discovered: {error}"),
            "set jwks.uri, jwks.file or jwks.inline",
        );
        return None;
    }
    // Its metadata would be looked for in the wrong place. With keys of its own it may be any text, as `iss` may.
    if name.contains(['?', '#']) {
        problems.error(
            &key,
            "its keys cannot be discovered: an issuer's address has no query and no fragment (RFC 8414 section 2)",
            "take out what begins with `?` or `#`, or set jwks.uri, jwks.file or jwks.inline",
        );
        return None;
    }
    Some(KeySource::Discovery {
        issuer: name.to_string(),
        transport,
    })
}

fn warn_of_keys(key: &str, key_set: &KeySet, problems: &mut Problems) {
    if key_set.published_private_keys() > 0 {
        problems.warn(
            key,
            "the key set holds a private key: whoever reads this can make tokens",
            "replace the key, and put public keys here",
        );
    }
    for aside in key_set.set_aside() {
        problems.warn(
            key,
            format!("a key is set aside: {}", aside.reason),
            "mend it, or take it out",
        );
    }
    if key_set.keys().is_empty() {
        problems.warn(
            key,
            "the key set is empty: no token of this issuer can be admitted",
            "put its public keys here",
        );
    }
}
