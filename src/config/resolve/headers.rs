//! The names of headers that are set and removed.

use crate::config::document::{ClaimName as ClaimNameText, ClaimSource};
use crate::config::ordered_map::OrderedMap;
use crate::config::path;
use crate::config::problem::Problems;
use crate::forward::claim_headers::{ClaimForm, ClaimHeader, ClaimHeaders, MappedClaim};
use crate::forward::header_name::{HeaderName, HeaderPrefix, NameError};
use crate::token::claim_name::{ClaimName, NotAClaimName};

const DEFAULT_CLAIM_HEADERS: [(&str, &str); 4] = [
    ("x-jwt-sub", "sub"),
    ("x-jwt-client-id", "client_id"),
    ("x-jwt-org", "oid"),
    ("x-jwt-scope", "scopes"),
];

const DEFAULT_STRIP_HEADERS: [&str; 1] = ["x-jwt-*"];

/// `payload_header`
pub fn payload_header(text: Option<&str>, problems: &mut Problems) -> Option<HeaderName> {
    header_name("payload_header", text?, problems)
}

/// `strip_headers`: names, and prefixes with `*`.
pub fn strip_headers(
    texts: Option<&[String]>,
    problems: &mut Problems,
) -> (Vec<HeaderName>, Vec<HeaderPrefix>) {
    let (mut names, mut prefixes) = (Vec::new(), Vec::new());
    let texts: Vec<&str> = match texts {
        Some(texts) => texts.iter().map(String::as_str).collect(),
        None => DEFAULT_STRIP_HEADERS.to_vec(),
    };
    for (number, text) in texts.into_iter().enumerate() {
        let key = path::item("strip_headers", number);
        match text.strip_suffix('*') {
            None => names.extend(header_name(&key, text, problems)),
            Some(prefix) => match HeaderPrefix::parse(prefix) {
                Ok(prefix) => prefixes.push(prefix),
                Err(error) => refuse(&key, error, problems),
            },
        }
    }
    (names, prefixes)
}

/// `claim_headers`; no two of them, nor one and the payload's, may be taken for each other.
pub fn claim_headers(
    parent: &str,
    mapping: Option<&OrderedMap<ClaimSource>>,
    payload_header: Option<&HeaderName>,
    problems: &mut Problems,
) -> ClaimHeaders {
    let Some(mapping) = mapping else {
        return default_claim_headers(parent, payload_header, problems);
    };
    let key = path::member(parent, "claim_headers");
    let mut headers: Vec<ClaimHeader> = Vec::new();
    for (name, source) in &mapping.0 {
        let key = path::member(&key, name);
        let name = header_name(&key, name, problems);
        let claim = mapped_claim(&key, source, problems);
        let (Some(name), Some((claim, form))) = (name, claim) else {
            continue;
        };
        let taken = headers
            .iter()
            .map(|header| &header.name)
            .chain(payload_header);
        if let Some(other) = taken
            .into_iter()
            .find(|other| other.looks_like(name.as_str()))
        {
            problems.error(
                &key,
                format!("an upstream could take this for `{other}`"),
                "give each header a name of its own",
            );
            continue;
        }
        headers.push(ClaimHeader { name, claim, form });
    }
    ClaimHeaders::new(headers)
}

/// A list of parts is a claim's literal name; a text splits at dots.
pub fn claim_name(key: &str, text: &ClaimNameText, problems: &mut Problems) -> Option<ClaimName> {
    let name = match text {
        ClaimNameText::Dotted(text) => ClaimName::dotted(text),
        ClaimNameText::Literal(parts) => ClaimName::literal(parts.clone()),
    };
    accept(key, name, problems)
}

fn default_claim_headers(
    parent: &str,
    payload_header: Option<&HeaderName>,
    problems: &mut Problems,
) -> ClaimHeaders {
    let defaults = DEFAULT_CLAIM_HEADERS
        .map(|(name, claim)| (name.to_owned(), ClaimSource::Dotted(claim.to_owned())));
    claim_headers(
        parent,
        Some(&OrderedMap(defaults.into())),
        payload_header,
        problems,
    )
}

fn mapped_claim(
    key: &str,
    source: &ClaimSource,
    problems: &mut Problems,
) -> Option<(MappedClaim, ClaimForm)> {
    let (name, form) = match source {
        // The name means the token's scopes, whichever claim carries them.
        ClaimSource::Dotted(text) if text == "scopes" => {
            return Some((MappedClaim::Scopes, ClaimForm::Text));
        }
        ClaimSource::Dotted(text) => (
            accept(key, ClaimName::dotted(text), problems)?,
            ClaimForm::Text,
        ),
        ClaimSource::Literal(parts) => (
            accept(key, ClaimName::literal(parts.clone()), problems)?,
            ClaimForm::Text,
        ),
        ClaimSource::Encoded(encoded) => match &encoded.claim {
            ClaimNameText::Dotted(text) if text == "scopes" => {
                return Some((MappedClaim::Scopes, ClaimForm::Json));
            }
            name => (claim_name(key, name, problems)?, ClaimForm::Json),
        },
    };
    Some((MappedClaim::Named(name), form))
}

fn accept(
    key: &str,
    name: Result<ClaimName, NotAClaimName>,
    problems: &mut Problems,
) -> Option<ClaimName> {
    if name.is_err() {
        problems.error(
            key,
            "a claim's name has an empty part",
            "name the claim as the token has it",
        );
    }
    name.ok()
}

fn header_name(key: &str, text: &str, problems: &mut Problems) -> Option<HeaderName> {
    HeaderName::parse(text)
        .map_err(|error| refuse(key, error, problems))
        .ok()
}

fn refuse(key: &str, error: NameError, problems: &mut Problems) {
    let mend = match error {
        NameError::NotAToken => "use letters, digits and hyphens",
        NameError::Reserved => "choose a name of your own, such as x-jwt-...",
    };
    problems.error(key, format!("this is {error}"), mend);
}
