//! `payload_header`, `strip_headers` and `claim_headers`.

use crate::config::defaults;
use crate::config::issuer_document::ClaimSource;
use crate::config::one_or_many::ClaimNameDocument;
use crate::config::ordered_map::OrderedMap;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::exact::exact;
use crate::config::sentence::Sentence;
use crate::forward::claim_headers::{ClaimForm, ClaimHeader, ClaimHeaders, MappedClaim};
use crate::forward::header_name::{HeaderName, HeaderPrefix, NameError};
use crate::token::claim_name::{ClaimName, NotAClaimName};

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
        None => defaults::STRIP_HEADERS.to_vec(),
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

/// `claim_headers`. No two headers of an entry, the payload header included, may look alike (CONTRACT 3.8.2).
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
        let of_payload = payload_header.map(|name| ("payload_header", name));
        let taken = headers
            .iter()
            .map(|header| (key.as_str(), &header.name))
            .chain(of_payload);
        if let Some((other_key, other)) = taken
            .into_iter()
            .find(|(_, other)| other.looks_like(name.as_str()))
        {
            problems.error(
                &key,
                Sentence::own("an upstream can mistake this header for ")
                    .and_quote(other_key, other.as_str()),
                "choose another name",
            );
            continue;
        }
        headers.push(ClaimHeader { name, claim, form });
    }
    ClaimHeaders::new(headers)
}

/// A claim name in one of its two forms (CONTRACT 3.7.1, 3.7.2).
pub fn claim_name(
    key: &str,
    text: &ClaimNameDocument,
    problems: &mut Problems,
) -> Option<ClaimName> {
    let name = match text {
        ClaimNameDocument::Dotted(text) => ClaimName::dotted(text),
        ClaimNameDocument::Literal(parts) => ClaimName::literal(parts.clone()),
    };
    accept(key, name, problems)
}

fn default_claim_headers(
    parent: &str,
    payload_header: Option<&HeaderName>,
    problems: &mut Problems,
) -> ClaimHeaders {
    let defaults = defaults::CLAIM_HEADERS
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
            ClaimNameDocument::Dotted(text) if text == "scopes" => {
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
    match &name {
        Err(_) => problems.error(
            key,
            "this claim name has an empty part",
            "write the name of the claim as the token has it; a string splits at dots, a list does not",
        ),
        Ok(name) => {
            name.parts().iter().all(|part| exact(key, part, problems));
        }
    }
    name.ok()
}

fn header_name(key: &str, text: &str, problems: &mut Problems) -> Option<HeaderName> {
    HeaderName::parse(text)
        .map_err(|error| refuse(key, error, problems))
        .ok()
}

fn refuse(key: &str, error: NameError, problems: &mut Problems) {
    let advice = match error {
        NameError::NotAToken => "use letters, digits and hyphens",
        NameError::Reserved => "choose another name, such as x-jwt-...",
    };
    problems.error(key, Sentence::own(error.to_string()), advice);
}
