//! Settings of several providers joined: accredit has one entry for each issuer, and one list of token sources.

use crate::import::envoy::provider::{JwtAuthnProvider, default_places};
use crate::import::envoy::requirement::JwtRequirement;
use crate::import::issuers::usable;
use crate::import::policy::{ImportedTokenSource, ImportedValue, TokenProvider};
use crate::import::report::ImportReport;

/// One entry for each issuer. Its audiences are those of all providers and requirements that name it.
pub(crate) fn entries(
    providers: &mut [JwtAuthnProvider],
    used: &[&JwtRequirement],
    origin: &str,
    report: &ImportReport,
) -> Vec<TokenProvider> {
    let mut replaced = Vec::new();
    used.iter()
        .for_each(|used| used.audiences_of(&mut replaced));
    let mut entries: Vec<TokenProvider> = Vec::new();
    for own in providers.iter_mut() {
        let Some(mut provider) = own.provider.clone() else {
            continue;
        };
        for (_, audiences) in replaced.iter().filter(|(name, _)| *name == own.name) {
            merge_audiences(&mut provider.audiences, audiences);
        }
        if own.subject_test().is_some() {
            provider.subjects = None;
        }
        match entries
            .iter_mut()
            .find(|entry| entry.issuer == provider.issuer)
        {
            None => match usable(provider, origin, report) {
                Some(provider) => entries.push(provider),
                None => own.provider = None,
            },
            Some(entry) => {
                let is_same = entry.keys == provider.keys
                    && entry.claim_headers == provider.claim_headers
                    && entry.subjects == provider.subjects
                    && entry.max_lifetime == provider.max_lifetime;
                if is_same {
                    if provider.clock_skew.value() != entry.clock_skew.value() {
                        report.note(format_args!(
                            "{}: accredit uses the smallest `clock_skew_seconds` of the providers of one issuer",
                            provider.at
                        ));
                    }
                    if provider.clock_skew.value() < entry.clock_skew.value() {
                        entry.clock_skew = provider.clock_skew.clone();
                    }
                    merge_audiences(&mut entry.audiences, &provider.audiences);
                    report.note(format_args!(
                        "{}: another provider has the same issuer; accredit has one entry for each issuer, and does not distinguish which of its providers verified a token",
                        provider.at
                    ));
                } else {
                    report.left_out(
                        &provider.at,
                        "a second provider for one issuer, with other keys or claims; accredit has one entry for each issuer, \
                         and denies requests that only this provider admits",
                        "use one provider, or an issuer for each",
                    );
                    own.provider = None;
                }
            }
        }
    }
    entries
}

/// Adds audiences to a list. An empty list means every audience.
fn merge_audiences(own: &mut Vec<String>, added: &[String]) {
    if own.is_empty() || added.is_empty() {
        own.clear();
        return;
    }
    for audience in added {
        if !own.contains(audience) {
            own.push(audience.clone());
        }
    }
}

pub(crate) fn places(
    providers: &[JwtAuthnProvider],
    origin: &str,
    report: &ImportReport,
) -> Vec<ImportedTokenSource> {
    let mut all: Vec<ImportedTokenSource> = Vec::new();
    for own in providers {
        for place in &own.places {
            if !all.iter().any(|other| other.kind == place.kind) {
                all.push(place.clone());
            }
        }
    }
    let first = providers.first();
    let differs = |own: &&JwtAuthnProvider| first.is_some_and(|first| first.places != own.places);
    if let Some(other) = providers.iter().find(differs) {
        report.left_out(
            origin,
            format_args!(
                "the providers {} and {} read tokens from different places, and accredit reads every token from each of them",
                first.map_or("", |first| &first.name),
                other.name
            ),
            "remove places from `token_sources` that none of your clients uses",
        );
    }
    match all.is_empty() {
        true => default_places(),
        false => all,
    }
}

pub(crate) fn payload_header(
    providers: &[JwtAuthnProvider],
    origin: &str,
    report: &ImportReport,
) -> Option<String> {
    let mut headers = providers.iter().map(|own| own.payload_header.as_ref());
    let first = headers.next()?;
    if headers.any(|other| other != first) {
        report.left_out(
            origin,
            "the providers forward the payload in different headers, and accredit has one `payload_header`",
            "set `payload_header` if one header serves all upstreams",
        );
        return None;
    }
    first.map(|name| name.to_ascii_lowercase())
}

/// The headers that carry claims, of every provider.
pub(crate) fn verified_headers(providers: &[JwtAuthnProvider]) -> Vec<String> {
    let names = providers
        .iter()
        .flat_map(|own| own.claim_header_names.iter().chain(&own.payload_header));
    names.map(|name| name.to_ascii_lowercase()).collect()
}

pub(crate) fn forward_token(
    providers: &[JwtAuthnProvider],
    origin: &str,
    report: &ImportReport,
) -> ImportedValue<bool> {
    let mut forwards = providers.iter().map(|own| &own.forward);
    let first = forwards
        .next()
        .cloned()
        .unwrap_or(ImportedValue::Default(false));
    if forwards.any(|other| other.value() != first.value()) {
        report.left_out(
            origin,
            "the providers differ in `forward`, and accredit removes the token of all",
            "set `forward_token: true` on the rules whose upstream needs the token",
        );
        return ImportedValue::Given(false);
    }
    first
}
