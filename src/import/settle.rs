//! Removes token sources, headers and conditions that accredit does not accept from a policy.

use crate::import::envoy::matchers::no_equivalent;
use crate::import::formula::{Atom, Formula};
use crate::import::policy::{ImportedPolicy, TokenPlaceKind};
use crate::import::report::ImportReport;
use crate::import::setting_lines::{header_lines, place_line, provider_lines};
use crate::import::verify::verify;

/// Removes places of tokens and headers that accredit does not accept, and reports them.
pub(crate) fn settle(policy: &mut ImportedPolicy, report: &ImportReport) {
    let origin = policy.origin;
    policy.token_places.retain(|place| {
        let line = place_line(place, origin);
        let text = format!("issuers:\n  - {{ issuer: a, audiences: [a], jwks: {{ file: a }} }}\ntoken_sources:\n{line}\n");
        let checked = verify(&text);
        if let Err(problems) = &checked {
            report.left_out(
                "token_sources",
                format_args!("accredit reads no token from this place: {}", problems.join("; ")),
                "let clients send the token in the header authorization",
            );
        }
        checked.is_ok()
    });
    if verify(&text(policy)).is_err() {
        let payload_header = policy.payload_header.take();
        if verify(&text(policy)).is_err() {
            claim_headers(policy, report);
        }
        policy.payload_header.clone_from(&payload_header);
        if let Some(header) = payload_header
            && let Err(problems) = verify(&text(policy))
        {
            policy.payload_header = None;
            report.left_out(
                "payload_header",
                format_args!(
                    "accredit cannot set the header {header}: {}",
                    problems.join("; ")
                ),
                "choose another header",
            );
        }
    }
    strip_headers(policy, report);
}

/// The original removes these headers from what the client sent. accredit does so by itself for those that it sets.
fn strip_headers(policy: &mut ImportedPolicy, report: &ImportReport) {
    let mut left: Vec<String> = policy.verified_headers.clone();
    left.sort();
    left.dedup();
    left.retain(|name| {
        let mut providers = policy.providers.iter();
        policy.payload_header.as_ref() != Some(name)
            && !providers.any(|own| own.claim_headers.iter().any(|(own, _)| own == name))
    });
    for name in left {
        policy.strip_headers.push(name.clone());
        if let Err(problems) = verify(&text(policy)) {
            policy.strip_headers.pop();
            report.left_out(
                "strip_headers",
                format_args!(
                    "accredit cannot remove the header {name} that a client sends: {}",
                    problems.join("; ")
                ),
                "remove it in Envoy before ext_authz",
            );
        }
    }
}

/// Replaces the conditions on headers after the verification of the token. accredit has the headers of the client's request, so a header that
/// the verification sets or removes is not known.
pub(crate) fn resolve_headers(policy: &mut ImportedPolicy, report: &ImportReport) {
    let set = policy.verified_headers.clone();
    let mut changed = set.clone();
    if !policy.forward_token.value() {
        changed.extend(
            policy
                .token_places
                .iter()
                .filter_map(|place| match &place.kind {
                    TokenPlaceKind::Header { name, .. } => Some(name.to_ascii_lowercase()),
                    TokenPlaceKind::Cookie(_) => Some("cookie".to_owned()),
                    TokenPlaceKind::Query(_) => None,
                }),
        );
    }
    let origin = policy.origin;
    for route in &mut policy.routes {
        let name = route.name.clone();
        let resolve = |atom: &Atom| match atom {
            Atom::ForwardedHeader(header, _) if changed.contains(&header.to_ascii_lowercase()) => {
                no_equivalent(
                    &name,
                    &format!(
                        "a condition on the header {header}, which {origin} sets or removes before it decides"
                    ),
                    report,
                )
            }
            Atom::ForwardedHeader(header, test) => {
                Formula::Atom(Atom::Header(header.clone(), test.clone()))
            }
            other => Formula::Atom(other.clone()),
        };
        // With `clear_route_cache`, Envoy chooses the route by the headers that the verification has set.
        let resolve_route = |atom: &Atom| match atom {
            Atom::Header(header, _) if set.contains(&header.to_ascii_lowercase()) => no_equivalent(
                &name,
                &format!(
                    "a route that the header {header} selects, which {origin} can set before it chooses the route"
                ),
                report,
            ),
            other => resolve(other),
        };
        route.region = route.region.replaced(&resolve_route);
        for own in route.denies.iter_mut().chain(&mut route.allows) {
            own.formula = own.formula.replaced(&resolve);
        }
    }
}

/// Keeps each claim header that accredit accepts together with the other settings.
fn claim_headers(policy: &mut ImportedPolicy, report: &ImportReport) {
    let headers: Vec<_> = policy
        .providers
        .iter_mut()
        .map(|provider| std::mem::take(&mut provider.claim_headers))
        .collect();
    for (number, headers) in headers.into_iter().enumerate() {
        for header in headers {
            if let Some(provider) = policy.providers.get_mut(number) {
                provider.claim_headers.push(header.clone());
            }
            if let Err(problems) = verify(&text(policy)) {
                if let Some(provider) = policy.providers.get_mut(number) {
                    provider.claim_headers.pop();
                }
                report.left_out(
                    "claim_headers",
                    format_args!(
                        "accredit cannot set the header {}: {}",
                        header.0,
                        problems.join("; ")
                    ),
                    "choose another header",
                );
            }
        }
    }
}

/// The configuration without rules.
fn text(policy: &ImportedPolicy) -> String {
    let mut lines = vec!["issuers:".to_owned()];
    for provider in &policy.providers {
        lines.extend(provider_lines(provider, policy.origin));
    }
    if !policy.token_places.is_empty() {
        lines.push("token_sources:".to_owned());
    }
    for place in &policy.token_places {
        lines.push(place_line(place, policy.origin));
    }
    lines.extend(header_lines(policy));
    lines.join("\n") + "\n"
}
