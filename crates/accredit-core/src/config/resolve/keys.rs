//! `jwks`: the source of an issuer's keys, and the settings of fetches.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::defaults;
use crate::config::issuer_document::JwksDocument;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::key_access::key_access;
use crate::config::sentence::Sentence;
use crate::config::units;
use crate::config::warning::WarningCode;
use crate::keys::access::KeyAccess;
use crate::keys::key_set::KeySet;
use crate::keys::source::{AddressError, FetchSettings, KeyAddress, KeySource, Transport};

/// With a shorter interval, accredit would fetch without a pause.
const MIN_REFRESH: Duration = Duration::from_millis(100);

/// The `jwks` of one issuer entry.
pub struct Keys<'a> {
    pub key: String,
    pub jwks: Option<&'a JwksDocument>,
}

impl Keys<'_> {
    /// `None` if a problem was reported.
    pub fn source(
        &self,
        issuer_key: &str,
        names: &[Arc<str>],
        problems: &mut Problems,
    ) -> Option<KeySource> {
        let transport = self.transport(problems);
        let text = |read: fn(&JwksDocument) -> &Option<String>| {
            self.jwks.and_then(|jwks| read(jwks).as_deref())
        };
        match (
            text(|jwks| &jwks.uri),
            text(|jwks| &jwks.file),
            text(|jwks| &jwks.inline),
        ) {
            (Some(uri), None, None) => self.uri(uri, transport, problems),
            (None, Some(file), None) => Some(KeySource::File(PathBuf::from(file))),
            (None, None, Some(text)) => self.inline(text, problems),
            (None, None, None) => {
                let has_other_problems = problems.is_repaired(&self.key);
                discovery(issuer_key, names, transport, has_other_problems, problems)
            }
            _ => {
                problems.error(
                    &self.key,
                    "more than one of uri, file and inline is set",
                    "keep one of them",
                );
                None
            }
        }
    }

    fn transport(&self, problems: &mut Problems) -> Transport {
        let allow_http = self.jwks.and_then(|jwks| jwks.allow_http);
        if !allow_http.unwrap_or(defaults::ALLOW_HTTP) {
            return Transport::Https;
        }
        problems.warn(
            WarningCode::HttpKeys,
            &path::member(&self.key, "allow_http"),
            "an attacker on the network between accredit and the issuer can replace its keys",
            "use https",
        );
        Transport::HttpToo
    }

    fn uri(&self, uri: &str, transport: Transport, problems: &mut Problems) -> Option<KeySource> {
        let address = KeyAddress::parse(uri, transport);
        if let Err(error) = address {
            problems.error(
                &path::member(&self.key, "uri"),
                Sentence::own(error.to_string()),
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
                    Sentence::own("this is not a key set: ").and_cause(&key, &error),
                    "write the JSON text of a key set",
                );
                None
            }
        }
    }

    pub(crate) fn fetch_settings(
        &self,
        source: Option<&KeySource>,
        problems: &mut Problems,
    ) -> FetchSettings {
        let mut duration =
            |name: &str, value: Option<units::Duration>, default: units::Duration| {
                let value = value.unwrap_or(default).to_std();
                let least = if name == "refresh" {
                    MIN_REFRESH
                } else {
                    Duration::from_millis(1)
                };
                if value < least {
                    problems.error(
                        &path::member(&self.key, name),
                        "this duration is too short",
                        Sentence::own(format!("write at least {least:?}")),
                    );
                }
                value
            };
        let given = |read: fn(&JwksDocument) -> Option<units::Duration>| self.jwks.and_then(read);
        let refresh = duration("refresh", given(|jwks| jwks.refresh), defaults::REFRESH);
        let max_stale = duration(
            "max_stale",
            given(|jwks| jwks.max_stale),
            defaults::MAX_STALE,
        );
        let timeout = duration(
            "timeout",
            given(|jwks| jwks.timeout),
            defaults::FETCH_TIMEOUT,
        );
        if max_stale < refresh && !problems.is_repaired(&self.key) {
            problems.warn(
            WarningCode::KeysExpireEarly,
                &path::member(&self.key, "max_stale"),
                "it is shorter than `refresh`, so keys expire before they are refreshed, and accredit then refuses every token",
                "write a longer duration than `refresh`",
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
            access: match (self.jwks, source) {
                (Some(jwks), Some(source)) => key_access(&self.key, jwks, source, problems),
                _ => KeyAccess::default(),
            },
        }
    }
}

fn discovery(
    issuer_key: &str,
    names: &[Arc<str>],
    transport: Transport,
    has_other_problems: bool,
    problems: &mut Problems,
) -> Option<KeySource> {
    let key = path::member(issuer_key, "issuer");
    let [name] = names else {
        // Bad names are reported by `names`.
        if names.len() > 1 && !has_other_problems {
            problems.error(
                &key,
                "a list of issuers cannot use discovery",
                "set jwks.uri, jwks.file or jwks.inline",
            );
        }
        return None;
    };
    if has_other_problems {
        return None;
    }
    if let Err(error) = KeyAddress::parse(name, transport) {
        problems.error(
            &key,
            Sentence::own(format!("discovery cannot find its keys: {error}")),
            match error {
                AddressError::Insecure => {
                    "use https, set jwks.allow_http to true, or set jwks.uri, jwks.file or jwks.inline"
                }
                _ => "set jwks.uri, jwks.file or jwks.inline",
            },
        );
        return None;
    }
    // Discovery would request the wrong address. With an explicit key source, an issuer can be any text.
    if name.contains(['?', '#']) {
        problems.error(
            &key,
            "discovery cannot find its keys: the issuer has a query or a fragment (RFC 8414 section 2)",
            "remove the part from `?` or `#` on, or set jwks.uri, jwks.file or jwks.inline",
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
            WarningCode::InlinePrivateKey,
            key,
            "the key set contains a private key: every reader of this file can make tokens",
            "replace the key, and write public keys here",
        );
    }
    // A key for encryption is no mistake of the issuer (CONTRACT 5.7.2b).
    let aside = key_set.set_aside().iter();
    for aside in aside.filter(|aside| !aside.is_for_encryption()) {
        let what = Sentence::own("accredit does not use ");
        let what = match &aside.key_id {
            Some(key_id) => what.and("the key ").and_quote(key, key_id),
            None => what.and("a key without `kid`"),
        };
        problems.warn(
            WarningCode::InlineKeySetAside,
            key,
            what.and(" of this set: ").and_cause(key, &aside.reason),
            "correct the key, or remove it",
        );
    }
    if key_set.keys().is_empty() {
        problems.warn(
            WarningCode::InlineKeysEmpty,
            key,
            "the key set is empty, so accredit refuses every token of this issuer",
            "write the public keys of the issuer here",
        );
    }
}
