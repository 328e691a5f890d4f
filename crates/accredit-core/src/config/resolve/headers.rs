//! `payload_header`, `strip_headers` and `claim_headers`.

use crate::config::defaults;
use crate::config::issuer_document::{ClaimEncoding, ClaimSource};
use crate::config::one_or_many::ClaimNameDocument;
use crate::config::ordered_map::OrderedMap;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::exact::exact;
use crate::config::resolve::expressions::ExpressionContext;
use crate::config::sentence::Sentence;
use crate::expression::variables::VariableSet;
use crate::forward::claim_headers::{
    ClaimForm, ClaimHeader, ClaimHeaders, HeaderContent, MappedClaim,
};
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
    expressions: ExpressionContext<'_>,
    problems: &mut Problems,
) -> ClaimHeaders {
    let defaults;
    let mapping = match mapping {
        Some(mapping) => mapping,
        None => {
            defaults = default_claim_headers();
            &defaults
        }
    };
    let key = path::member(parent, "claim_headers");
    let mut headers: Vec<ClaimHeader> = Vec::new();
    for (name, source) in &mapping.0 {
        let key = path::member(&key, name);
        let name = header_name(&key, name, problems);
        let value = content(&key, source, expressions, problems);
        let (Some(name), Some(value)) = (name, value) else {
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
        headers.push(ClaimHeader { name, value });
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

fn default_claim_headers() -> OrderedMap<ClaimSource> {
    let defaults = defaults::CLAIM_HEADERS
        .map(|(name, claim)| (name.to_owned(), ClaimSource::Dotted(claim.to_owned())));
    OrderedMap(defaults.into())
}

fn content(
    key: &str,
    source: &ClaimSource,
    expressions: ExpressionContext<'_>,
    problems: &mut Problems,
) -> Option<HeaderContent> {
    let (name, form) = match source {
        ClaimSource::Dotted(text) => (ClaimNameDocument::Dotted(text.clone()), ClaimForm::Text),
        ClaimSource::Literal(parts) => (ClaimNameDocument::Literal(parts.clone()), ClaimForm::Text),
        ClaimSource::Encoded(encoded) => (
            encoded.claim.clone(),
            match encoded.encoding {
                ClaimEncoding::Json => ClaimForm::Json,
                ClaimEncoding::JsonText => ClaimForm::JsonText,
            },
        ),
        ClaimSource::Computed(computed) => {
            let key = path::member(key, "expression");
            return expressions
                .compile(&key, &computed.expression, VariableSet::Token, problems)
                .map(HeaderContent::Expression);
        }
    };
    let claim = match &name {
        // The name means the token's scopes, whichever claim carries them.
        ClaimNameDocument::Dotted(text) if text == "scopes" => MappedClaim::Scopes,
        name => MappedClaim::Named(claim_name(key, name, problems)?),
    };
    Some(HeaderContent::Claim(claim, form))
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
