//! `issuers`: the names of each entry, and the requirements on its tokens.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::authn::issuer_template::IssuerTemplate;
use crate::authn::issuers::Startup;
use crate::config::defaults;
use crate::config::issuer_document::{AudiencesDocument, IssuerDocument};
use crate::config::one_or_many::{ClaimNameDocument, OneOrMany};
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::claims::claim_demands;
use crate::config::resolve::exact::{exact, exact_audiences};
use crate::config::resolve::expressions::ExpressionContext;
use crate::config::resolve::headers::{claim_headers, claim_name};
use crate::config::resolve::keys::Keys;
use crate::config::resolve::tenants::{is_any_without_keys, is_template, issuers_of, tenants};
use crate::config::sentence::Sentence;
use crate::config::settings::IssuerSettings;
use crate::config::warning::WarningCode;
use crate::forward::header_name::HeaderName;
use crate::token::claim_name::ClaimName;
use crate::token::requirements::{AbsentAudience, Audiences, Binding, Requirements, TokenTypes};

/// The clocks of servers usually differ by less than this. A larger skew mainly admits expired tokens.
const MAX_USUAL_SKEW: Duration = Duration::from_secs(5 * 60);

/// The entries of `issuers`.
pub struct ResolvedIssuers {
    pub usable: Vec<IssuerSettings>,
    /// The names in entries whose keys have a problem.
    pub unusable: Vec<String>,
}

pub fn issuers(
    entries: &[IssuerDocument],
    payload_header: Option<&HeaderName>,
    expressions: ExpressionContext<'_>,
    problems: &mut Problems,
) -> ResolvedIssuers {
    let mut seen = HashMap::new();
    let mut usable = Vec::new();
    let mut unusable = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let key = path::item("issuers", number);
        let names = names(&key, entry, &mut seen, problems);
        let tenants = tenants(&key, entry, &names, problems);
        let keys = Keys {
            key: path::member(&key, "jwks"),
            jwks: entry.jwks.as_ref(),
        };
        let source = match is_any_without_keys(entry) {
            false => keys.source(&key, &issuers_of(&names, tenants.as_ref()), problems),
            true => {
                problems.error(
                    &path::member(&key, "tenants"),
                    "`any` needs keys at a fixed address: no address is made from a token",
                    "set jwks.uri",
                );
                None
            }
        };
        let fetch = keys.fetch_settings(source.as_ref(), problems);
        let requirements = requirements(&key, entry, problems);
        let claim_headers = claim_headers(
            &key,
            entry.claim_headers.as_ref(),
            payload_header,
            expressions,
            problems,
        );
        let Some(key_source) = source else {
            unusable.extend_from_slice(entry.issuer.as_slice());
            continue;
        };
        usable.push(IssuerSettings {
            names,
            key_source,
            fetch,
            requirements,
            claim_headers,
            startup: match entry.required.unwrap_or(defaults::REQUIRED) {
                false => Startup::DoesNotWait,
                true => Startup::WaitsForKeys,
            },
            tenants,
        });
    }
    ResolvedIssuers { usable, unusable }
}

fn names(
    key: &str,
    entry: &IssuerDocument,
    seen: &mut HashMap<String, String>,
    problems: &mut Problems,
) -> Vec<Arc<str>> {
    let key = path::member(key, "issuer");
    let issuer = &entry.issuer;
    let key_of = |number| match issuer {
        OneOrMany::One(_) => key.clone(),
        OneOrMany::Many(_) => path::item(&key, number),
    };
    let mut names = Vec::new();
    for (number, name) in issuer.as_slice().iter().enumerate() {
        let key = key_of(number);
        if name.is_empty() || name.chars().any(char::is_control) {
            problems.error(
                &key,
                "an issuer is a text of at least one character, without control characters",
                "write the `iss` of the tokens",
            );
        } else if (name.contains(['{', '}']) && !is_template(&key, name, entry, problems))
            || !exact(&key, name, problems)
        {
            // Reported.
        } else if let Some(other) = seen.insert(identity(name), key.clone()) {
            problems.error(
                &key,
                Sentence::own(format!("this issuer is also at {other}")),
                "remove one of them",
            );
        } else {
            names.push(name.as_str().into());
        }
    }
    names
}

/// A text that is equal for two names only if they accept the same `iss`.
fn identity(name: &str) -> String {
    match IssuerTemplate::parse(name) {
        Ok(Some(template)) => template.shape(),
        _ => name.to_owned(),
    }
}

fn token_types(key: &str, entry: &IssuerDocument, problems: &mut Problems) -> TokenTypes {
    let Some(types) = &entry.token_types else {
        return defaults::TOKEN_TYPES.into_iter().collect();
    };
    let key = path::member(key, "token_types");
    for (number, typ) in types.iter().enumerate() {
        exact(&path::item(&key, number), typ, problems);
    }
    types.iter().collect()
}

fn requirements(key: &str, entry: &IssuerDocument, problems: &mut Problems) -> Requirements {
    Requirements {
        algorithms: match &entry.algorithms {
            Some(words) => words.iter().map(|word| word.value).collect(),
            None => defaults::ALGORITHMS.into_iter().collect(),
        },
        audiences: audiences(key, entry, problems),
        audience_claims: claim_names(
            &path::member(key, "audience_claims"),
            entry.audience_claims.as_deref(),
            &defaults::AUDIENCE_CLAIMS,
            problems,
        ),
        token_types: token_types(key, entry, problems),
        clock_skew: clock_skew(key, entry, problems),
        max_lifetime: entry.max_lifetime.map(|lifetime| lifetime.to_std()),
        required_claims: claim_names(
            &path::member(key, "required_claims"),
            entry.required_claims.as_deref(),
            &defaults::REQUIRED_CLAIMS,
            problems,
        ),
        scope_claims: claim_names(
            &path::member(key, "scope_claims"),
            entry.scope_claims.as_deref(),
            &defaults::SCOPE_CLAIMS,
            problems,
        ),
        claims: claim_demands(key, entry.claims.as_ref(), problems),
        binding: binding(key, entry, problems),
    }
}

fn audiences(key: &str, entry: &IssuerDocument, problems: &mut Problems) -> Audiences {
    let key = path::member(key, "audiences");
    let AudiencesDocument::OneOf(accepted) = &entry.audiences else {
        problems.warn(
            WarningCode::AudiencesAny,
            &key,
            "accredit also admits tokens that this issuer made for other APIs",
            "list the audiences of this API",
        );
        return Audiences::Any;
    };
    let instead = "write `audiences: any` to turn the check off, or list audiences";
    exact_audiences(&key, accepted, instead, problems);
    let absent = entry
        .audience_absent
        .map_or(AbsentAudience::Refuse, |word| word.value);
    Audiences::OneOf {
        accepted: accepted.clone(),
        absent,
    }
}

fn clock_skew(key: &str, entry: &IssuerDocument, problems: &mut Problems) -> Duration {
    let skew = entry.clock_skew.unwrap_or(defaults::CLOCK_SKEW).to_std();
    if skew > MAX_USUAL_SKEW {
        problems.warn(
            WarningCode::ClockSkewLarge,
            &path::member(key, "clock_skew"),
            "accredit admits tokens for this time after they expired",
            "synchronise the clocks and set it to 30s",
        );
    }
    skew
}

/// A list of claim names (CONTRACT 3.7.3).
fn claim_names(
    key: &str,
    names: Option<&[ClaimNameDocument]>,
    default: &[&str],
    problems: &mut Problems,
) -> Vec<ClaimName> {
    match names {
        Some(names) => names
            .iter()
            .enumerate()
            .filter_map(|(n, name)| claim_name(&path::item(key, n), name, problems))
            .collect(),
        None => default
            .iter()
            .filter_map(|name| ClaimName::dotted(name).ok())
            .collect(),
    }
}

fn binding(key: &str, entry: &IssuerDocument, problems: &mut Problems) -> Binding {
    let binding = entry.binding.map_or(Binding::Enforce, |word| word.value);
    if binding == Binding::Ignore {
        problems.warn(
            WarningCode::BindingIgnored,
            &path::member(key, "binding"),
            "a token that is bound to its sender's key is admitted without proof of that key, so a thief can use it",
            "set it to `enforce`",
        );
    }
    binding
}
