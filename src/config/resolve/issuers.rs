//! One issuer entry: its names, its keys, and what its tokens must satisfy.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::authn::issuers::Readiness;
use crate::config::document::{self, AudienceAbsent, Issuer, Jwks, OneOrMany};
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::headers::{claim_headers, claim_name};
use crate::config::settings::IssuerSettings;
use crate::config::units;
use crate::forward::header_name::HeaderName;
use crate::jose::algorithm::{Algorithm, AlgorithmSet};
use crate::jwks::key_set::KeySet;
use crate::jwks::source::{AddressError, FetchSettings, KeyAddress, KeySource, Transport};
use crate::token::claim_name::ClaimName;
use crate::token::requirements::{AbsentAudience, Audiences, Binding, Requirements};

const DEFAULT_REFRESH: Duration = Duration::from_secs(5 * 60);
/// Below this a service would do nothing but fetch.
const SHORTEST_REFRESH: Duration = Duration::from_millis(100);
const DEFAULT_MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);
const DEFAULT_FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(30);
const DEFAULT_TOKEN_TYPES: [&str; 2] = ["JWT", "at+jwt"];
const DEFAULT_SCOPE_CLAIMS: [&str; 3] = ["scopes", "scp", "scope"];

/// More than clocks differ: what a larger skew does is to let expired tokens live on.
const USUAL_SKEW: Duration = Duration::from_secs(5 * 60);

/// `issuers`
pub fn issuers(
    entries: &[Issuer],
    payload_header: Option<&HeaderName>,
    problems: &mut Problems,
) -> Vec<IssuerSettings> {
    let mut seen = HashMap::new();
    let mut resolved = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let key = path::item("issuers", number);
        let names = names(&key, &entry.issuer, &mut seen, problems);
        let keys = Keys {
            key: path::member(&key, "jwks"),
            jwks: entry.jwks.as_ref(),
        };
        let source = keys.source(&key, &names, problems);
        let fetch = keys.fetch_settings(problems);
        let requirements = requirements(&key, entry, problems);
        let claim_headers =
            claim_headers(&key, entry.claim_headers.as_ref(), payload_header, problems);
        if let Some(key_source) = source {
            resolved.push(IssuerSettings {
                names,
                key_source,
                fetch,
                requirements,
                claim_headers,
                readiness: match entry.required {
                    Some(false) => Readiness::Optional,
                    Some(true) | None => Readiness::Required,
                },
            });
        }
    }
    resolved
}

fn names(
    key: &str,
    issuer: &OneOrMany,
    seen: &mut HashMap<String, String>,
    problems: &mut Problems,
) -> Vec<Arc<str>> {
    let key = path::member(key, "issuer");
    let listed = match issuer {
        OneOrMany::One(name) => vec![(key, name)],
        OneOrMany::Many(names) => names
            .iter()
            .enumerate()
            .map(|(n, name)| (path::item(&key, n), name))
            .collect(),
    };
    let mut names = Vec::new();
    for (key, name) in listed {
        if name.is_empty() || name.chars().any(char::is_control) {
            problems.error(
                &key,
                "this is no issuer",
                "write `iss` as the tokens have it",
            );
        } else if let Some(other) = seen.insert(name.clone(), key.clone()) {
            problems.error(
                &key,
                format!("the same issuer stands at {other}"),
                "keep one of the two",
            );
        } else {
            names.push(name.as_str().into());
        }
    }
    names
}

// === impl Keys ===

struct Keys<'a> {
    key: String,
    jwks: Option<&'a Jwks>,
}

impl Keys<'_> {
    fn source(
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
                mend_address(error),
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

    fn fetch_settings(&self, problems: &mut Problems) -> FetchSettings {
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

fn mend_address(error: AddressError) -> &'static str {
    match error {
        AddressError::NotAUrl => "write the https address of the key set",
        AddressError::Insecure => "use https, or set allow_http: true if that is meant",
    }
}

fn requirements(key: &str, entry: &Issuer, problems: &mut Problems) -> Requirements {
    Requirements {
        algorithms: algorithms(entry.algorithms.as_deref()),
        audiences: audiences(key, entry, problems),
        token_types: match &entry.token_types {
            Some(types) => types.iter().collect(),
            None => DEFAULT_TOKEN_TYPES.into_iter().collect(),
        },
        clock_skew: clock_skew(key, entry, problems),
        max_lifetime: entry.max_lifetime.map(|lifetime| lifetime.to_std()),
        required_claims: required_claims(key, entry, problems),
        scope_claims: match &entry.scope_claims {
            Some(claims) => claims.clone(),
            None => DEFAULT_SCOPE_CLAIMS.map(str::to_owned).into(),
        },
        binding: binding(key, entry, problems),
    }
}

fn algorithms(listed: Option<&[document::Algorithm]>) -> AlgorithmSet {
    let Some(listed) = listed else {
        return [Algorithm::Rs256].into_iter().collect();
    };
    let algorithm = |listed: &document::Algorithm| match listed {
        document::Algorithm::RS256 => Algorithm::Rs256,
        document::Algorithm::RS384 => Algorithm::Rs384,
        document::Algorithm::RS512 => Algorithm::Rs512,
        document::Algorithm::PS256 => Algorithm::Ps256,
        document::Algorithm::PS384 => Algorithm::Ps384,
        document::Algorithm::PS512 => Algorithm::Ps512,
        document::Algorithm::ES256 => Algorithm::Es256,
        document::Algorithm::ES384 => Algorithm::Es384,
        document::Algorithm::EdDSA | document::Algorithm::Ed25519 => Algorithm::EdDsa,
    };
    listed.iter().map(algorithm).collect()
}

fn audiences(key: &str, entry: &Issuer, problems: &mut Problems) -> Audiences {
    let key = path::member(key, "audiences");
    let document::Audiences::OneOf(accepted) = &entry.audiences else {
        problems.warn(
            &key,
            "tokens that were issued for any other API are admitted here",
            "list the audiences of this API",
        );
        return Audiences::Any;
    };
    for (number, audience) in accepted.iter().enumerate() {
        let key = path::item(&key, number);
        match audience.as_str() {
            "any" => problems.error(
                &key,
                "`any` stands in a list",
                "write `audiences: any` to turn the check off, or list audiences",
            ),
            "" => problems.error(
                &key,
                "an empty audience",
                "write an audience, or leave it out",
            ),
            _ => {}
        }
    }
    let absent = match entry.audience_absent {
        Some(AudienceAbsent::Accept) => AbsentAudience::Accept,
        Some(AudienceAbsent::Refuse) | None => AbsentAudience::Refuse,
    };
    Audiences::OneOf {
        accepted: accepted.clone(),
        absent,
    }
}

fn clock_skew(key: &str, entry: &Issuer, problems: &mut Problems) -> Duration {
    let skew = entry
        .clock_skew
        .map_or(DEFAULT_CLOCK_SKEW, |skew| skew.to_std());
    if skew > USUAL_SKEW {
        problems.warn(
            &path::member(key, "clock_skew"),
            "tokens are admitted that long after they expired",
            "keep clocks in step and allow 30s",
        );
    }
    skew
}

fn required_claims(key: &str, entry: &Issuer, problems: &mut Problems) -> Vec<ClaimName> {
    let key = path::member(key, "required_claims");
    match &entry.required_claims {
        Some(names) => names
            .iter()
            .enumerate()
            .filter_map(|(n, name)| claim_name(&path::item(&key, n), name, problems))
            .collect(),
        None => ClaimName::dotted("sub").into_iter().collect(),
    }
}

fn binding(key: &str, entry: &Issuer, problems: &mut Problems) -> Binding {
    match entry.binding {
        Some(document::Binding::Ignore) => {
            problems.warn(
                &path::member(key, "binding"),
                "a token that is bound to its sender's key is admitted from whoever holds it",
                "leave it at `enforce`",
            );
            Binding::Ignore
        }
        Some(document::Binding::Enforce) | None => Binding::Enforce,
    }
}
