//! The configuration as text, with a comment at each value that the other tool has by default.

use std::fmt::Write as _;

use crate::import::conditions::{PlannedAccess, RuleConditions};
use crate::import::policy::ImportedPolicy;
use crate::import::region::RequestRegion;
use crate::import::rules::RulePlan;
use crate::import::setting_lines::{
    commented, default_of, header_lines, one_line, place_line, provider_lines,
};
use crate::import::yaml_lines::{claim_text, list_text, quoted_text, scalar_text};

/// The whole configuration.
pub(crate) fn configuration(
    policy: &ImportedPolicy,
    rules: &[RulePlan],
    names: &[String],
) -> String {
    let names: Vec<String> = names.iter().map(|name| one_line(name)).collect();
    let mut text = format!(
        "# Made by `accredit import` from {} ({}).\n\
         # Read what it printed on standard error, and try requests with `accredit explain`, before you use this file.\n\n\
         issuers:\n",
        names.join(", "),
        policy.origin
    );
    for provider in &policy.providers {
        for line in provider_lines(provider, policy.origin) {
            let _ = writeln!(text, "{line}");
        }
    }
    text.push_str("\ntoken_sources:\n");
    for place in &policy.token_places {
        let _ = writeln!(text, "{}", place_line(place, policy.origin));
    }
    let forward = &policy.forward_token;
    let _ = writeln!(
        text,
        "\n{}",
        commented(
            format!("forward_token: {}", forward.value()),
            forward.is_default().then(|| default_of(policy.origin)),
        )
    );
    for line in header_lines(policy) {
        let _ = writeln!(text, "{line}");
    }
    if !policy.error_details {
        text.push_str("error_details: false\n");
    }
    text.push_str("\nrules:\n");
    for rule in rules {
        for line in rule_lines(rule) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

fn rule_lines(rule: &RulePlan) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(comment) = &rule.comment {
        lines.push(format!("  # {}", one_line(comment)));
    }
    lines.push(format!("  - name: {}", scalar_text(&rule.name)));
    if !rule.region.is_everything() {
        lines.push("    match:".to_owned());
        lines.extend(match_lines(&rule.region));
    }
    let RuleConditions {
        access,
        issuers,
        audiences,
        scopes,
        any_scope,
        claims,
        when,
    } = &rule.conditions;
    let access = match access {
        PlannedAccess::Anonymous => "anonymous",
        PlannedAccess::Optional => "optional",
        PlannedAccess::Token => "token",
        PlannedAccess::Deny => "deny",
    };
    lines.push(format!("    access: {access}"));
    let scopes = (!scopes.is_empty()).then(|| scopes.clone());
    for (key, list) in [
        ("issuers", issuers),
        ("audiences", audiences),
        ("scopes", &scopes),
        ("any_scope", any_scope),
    ] {
        lines.extend(
            list.as_ref()
                .map(|list| format!("    {key}: {}", list_text(list))),
        );
    }
    if !claims.is_empty() {
        lines.push("    claims:".to_owned());
        lines.extend(claims.iter().map(|(name, values)| {
            format!(
                "      - {{ claim: {}, any_of: {} }}",
                claim_text(name),
                list_text(values)
            )
        }));
    }
    lines.extend(
        when.as_ref()
            .map(|when| format!("    when: {}", quoted_text(when))),
    );
    lines
}

fn match_lines(region: &RequestRegion) -> Vec<String> {
    let mut lines = Vec::new();
    if region.is_preflight {
        lines.push("      preflight: true".to_owned());
    }
    for (key, list) in [
        ("hosts", &region.hosts),
        ("methods", &region.methods),
        ("paths", &region.paths),
        ("principals", &region.principals),
        ("addresses", &region.addresses),
    ] {
        lines.extend(
            list.as_ref()
                .map(|list| format!("      {key}: {}", list_text(list))),
        );
    }
    if !region.context.is_empty() {
        lines.push("      context:".to_owned());
        lines.extend(
            region.context.iter().map(|(name, value)| {
                format!("        {}: {}", scalar_text(name), quoted_text(value))
            }),
        );
    }
    lines
}
