//! One issuer entry: its names, and what its tokens must satisfy.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::authn::issuers::Readiness;
use crate::config::document::{self, AudienceAbsent, Issuer, OneOrMany};
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::headers::{claim_headers, claim_name};
use crate::config::resolve::keys::Keys;
use crate::config::settings::IssuerSettings;
use crate::forward::header_name::HeaderName;
use crate::jose::algorithm::{Algorithm, AlgorithmSet};
use crate::token::claim_name::ClaimName;
use crate::token::requirements::{AbsentAudience, Audiences, Binding, Requirements};

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
