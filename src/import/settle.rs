//! Removes token sources and headers that accredit does not accept from a policy.

use crate::import::policy::ImportedPolicy;
use crate::import::report::ImportReport;
use crate::import::verify::verify;
use crate::import::write::{place_line, provider_lines};
use crate::import::yaml_lines::scalar_text;

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
    if let Err(problems) = verify(&text(policy)) {
        if let Some(header) = policy.payload_header.take()
            && verify(&text(policy)).is_ok()
        {
            report.left_out(
                "payload_header",
                format_args!(
                    "accredit cannot set the header {header}: {}",
                    problems.join("; ")
                ),
                "choose another header",
            );
            return;
        }
        claim_headers(policy, report);
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
    lines.extend(
        policy
            .payload_header
            .as_ref()
            .map(|header| format!("payload_header: {}", scalar_text(header))),
    );
    lines.join("\n") + "\n"
}
