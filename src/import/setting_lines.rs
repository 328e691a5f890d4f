//! The lines of everything but the rules: issuer entries, token sources and headers.

use accredit_core::keys::source::{AddressError, KeyAddress, Transport};

use crate::import::policy::{
    ImportedPolicy, ImportedTokenSource, ProviderKeys, TokenPlaceKind, TokenProvider,
};
use crate::import::yaml_lines::{claim_text, duration_text, list_text, quoted_text, scalar_text};

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

/// A line with a comment behind it.
pub(crate) fn commented(line: String, comment: Option<String>) -> String {
    match comment {
        Some(comment) => format!("{line}  # {}", one_line(&comment)),
        None => line,
    }
}

pub(crate) fn default_of(origin: &str) -> String {
    format!("the default of {origin}")
}

/// The text without line breaks and other control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
