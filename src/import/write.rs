//! The configuration as text, with a comment at each value that the other tool has by default.

use std::fmt::Write as _;

use accredit_core::keys::source::{AddressError, KeyAddress, Transport};

use crate::import::conditions::{PlannedAccess, RuleConditions};
use crate::import::policy::{
    ImportedPolicy, ImportedTokenSource, ProviderKeys, TokenPlaceKind, TokenProvider,
};
use crate::import::region::RequestRegion;
use crate::import::rules::RulePlan;
use crate::import::yaml_lines::{claim_text, duration_text, list_text, quoted_text, scalar_text};

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

/// The lines of `payload_header` and `strip_headers`.
pub(crate) fn header_lines(policy: &ImportedPolicy) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(header) = &policy.payload_header {
        lines.push(format!("payload_header: {}", scalar_text(header)));
    }
    if !policy.strip_headers.is_empty() {
        let default = ["x-jwt-*".to_owned()];
        let names = default.iter().chain(&policy.strip_headers);
        lines.push(commented(
            format!("strip_headers: {}", list_text(names)),
            Some(format!(
                "x-jwt-* is accredit's default; {} sets the others, and no token of this configuration does",
                policy.origin
            )),
        ));
    }
    lines
}

/// The lines of an issuer entry.
pub(crate) fn provider_lines(provider: &TokenProvider, origin: &str) -> Vec<String> {
    let mut lines = vec![format!("  - issuer: {}", scalar_text(&provider.issuer))];
    let mut add = |line: String, comment: Option<String>| {
        lines.push(format!("    {}", commented(line, comment)));
    };
    for (line, comment) in key_lines(&provider.keys) {
        add(line, comment);
    }
    match provider.audiences.is_empty() {
        true => add(
            "audiences: any".to_owned(),
            Some(format!(
                "{origin} names no audience; list those of this API"
            )),
        ),
        false => add(
            format!("audiences: {}", list_text(&provider.audiences)),
            None,
        ),
    }
    let algorithms: Vec<String> = provider
        .algorithms
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    add(
        format!("algorithms: {}", list_text(&algorithms)),
        Some(format!(
            "what {origin} accepts; keep those that the issuer uses"
        )),
    );
    add(
        format!("clock_skew: {}", duration_text(provider.clock_skew.value())),
        provider.clock_skew.is_default().then(|| default_of(origin)),
    );
    if let Some(lifetime) = provider.max_lifetime {
        add(format!("max_lifetime: {}", duration_text(lifetime)), None);
    }
    let required: Vec<String> = provider
        .required_claims
        .iter()
        .map(|name| claim_text(name))
        .collect();
    if required != ["sub"] {
        add(
            format!("required_claims: [{}]", required.join(", ")),
            Some(format!("{origin} admits tokens without `sub`")),
        );
    }
    if let Some(claims) = &provider.scope_claims {
        add(format!("scope_claims: {}", list_text(claims)), None);
    }
    if let Some(subject) = provider.subjects.as_ref().and_then(|test| test.as_exact()) {
        add(format!("claims: {{ sub: {} }}", scalar_text(subject)), None);
    }
    match provider.claim_headers.is_empty() {
        true => add(
            "claim_headers: {}".to_owned(),
            Some(format!("{origin} sets none")),
        ),
        false => {
            add("claim_headers:".to_owned(), None);
            for (header, claim) in &provider.claim_headers {
                add(
                    format!("  {}: {}", scalar_text(header), claim_header_text(claim)),
                    None,
                );
            }
        }
    }
    lines
}

/// `scopes` has a meaning of its own in `claim_headers`, so a claim of that name is written as a list.
fn claim_header_text(claim: &[String]) -> String {
    match claim {
        [only] if only == "scopes" => list_text(claim),
        _ => claim_text(claim),
    }
}

fn key_lines(keys: &ProviderKeys) -> Vec<(String, Option<String>)> {
    let line = |text: String| (text, None);
    match keys {
        ProviderKeys::Discovery => Vec::new(),
        ProviderKeys::File(file) => vec![line(format!("jwks: {{ file: {} }}", scalar_text(file)))],
        ProviderKeys::Inline(text) => vec![
            line("jwks:".to_owned()),
            line(format!("  inline: {}", quoted_text(text))),
        ],
        ProviderKeys::Variable(name) => vec![
            line("jwks:".to_owned()),
            line(format!("  inline: '${{{name}}}'")),
        ],
        ProviderKeys::Uri {
            uri,
            timeout,
            refresh,
            ca_file,
        } => {
            let mut lines = vec![
                line("jwks:".to_owned()),
                line(format!("  uri: {}", scalar_text(uri))),
            ];
            if KeyAddress::parse(uri, Transport::Https) == Err(AddressError::Insecure) {
                lines.push((
                    "  allow_http: true".to_owned(),
                    Some("as in the original; prefer https".to_owned()),
                ));
            }
            for (name, value) in [("timeout", timeout), ("refresh", refresh)] {
                lines
                    .extend(value.map(|value| line(format!("  {name}: {}", duration_text(value)))));
            }
            lines.extend(
                ca_file
                    .as_ref()
                    .map(|file| line(format!("  ca_file: {}", scalar_text(file)))),
            );
            lines
        }
    }
}

pub(crate) fn place_line(place: &ImportedTokenSource, origin: &str) -> String {
    let source = match &place.kind {
        TokenPlaceKind::Header {
            name,
            scheme: Some(scheme),
        } => {
            format!(
                "{{ header: {}, scheme: {} }}",
                scalar_text(name),
                scalar_text(scheme)
            )
        }
        TokenPlaceKind::Header { name, scheme: None } => {
            format!("{{ header: {} }}", scalar_text(name))
        }
        TokenPlaceKind::Cookie(name) => format!("{{ cookie: {} }}", scalar_text(name)),
        TokenPlaceKind::Query(name) => format!("{{ query: {} }}", scalar_text(name)),
    };
    commented(
        format!("  - {source}"),
        place.is_default.then(|| default_of(origin)),
    )
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

fn commented(line: String, comment: Option<String>) -> String {
    match comment {
        Some(comment) => format!("{line}  # {}", one_line(&comment)),
        None => line,
    }
}

fn default_of(origin: &str) -> String {
    format!("the default of {origin}")
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
