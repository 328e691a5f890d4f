//! `token_sources`

use crate::authn::sources::TokenSources;
use crate::authn::token_source::TokenSource;
use crate::authn::websocket;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::rule_document::TokenSourceDocument;
use crate::config::settings::Settings;
use crate::config::warning::WarningCode;
use crate::forward::header_name::{HeaderName, look_alike};
use crate::forward::strip::TokenForwarding;

/// The target, framing and cookies of the request depend on these headers.
const NEVER_A_SOURCE: [&str; 6] = [
    "host",
    "cookie",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
];

/// Where accredit looks for tokens.
pub fn token_sources(
    documents: Option<&[TokenSourceDocument]>,
    forwarding: TokenForwarding,
    problems: &mut Problems,
) -> Vec<TokenSource> {
    let Some(documents) = documents else {
        return TokenSources::default().into_inner();
    };
    let mut sources: Vec<TokenSource> = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        let key = path::item("token_sources", number);
        match token_source(&key, document, forwarding, problems) {
            Some(source) if sources.contains(&source) => {
                problems.error(&key, "this source is already in the list", "remove it");
            }
            source => sources.extend(source),
        }
    }
    sources
}

/// A token source cannot be a claim header or be stripped (CONTRACT 3.8.3).
pub(crate) fn refuse_shared_names(settings: &Settings, problems: &mut Problems) {
    let sources: Vec<&str> = settings
        .token_sources
        .iter()
        .filter_map(TokenSource::header)
        .collect();
    let is_source = |name: &HeaderName| {
        sources
            .iter()
            .any(|source| look_alike(source, name.as_str()))
    };
    let advice = "choose another name";
    for (number, issuer) in settings.issuers.iter().enumerate() {
        for header in issuer
            .claim_headers
            .iter()
            .filter(|header| is_source(&header.name))
        {
            let key = path::member(
                &path::member(&path::item("issuers", number), "claim_headers"),
                header.name.as_str(),
            );
            problems.error(&key, "this header is a token source", advice);
        }
    }
    if settings.payload_header.as_ref().is_some_and(is_source) {
        problems.error("payload_header", "this header is a token source", advice);
    }
    if settings.strip_names.iter().any(is_source)
        || settings
            .strip_prefixes
            .iter()
            .any(|prefix| sources.iter().any(|source| prefix.covers(source)))
    {
        problems.error(
            "strip_headers",
            "it covers a header that is a token source",
            advice,
        );
    }
}

fn token_source(
    key: &str,
    document: &TokenSourceDocument,
    forwarding: TokenForwarding,
    problems: &mut Problems,
) -> Option<TokenSource> {
    let is_websocket = document
        .header
        .as_ref()
        .is_some_and(|header| header.eq_ignore_ascii_case(websocket::HEADER));
    if is_websocket || document.protocol.is_some() {
        return protocol_source(key, document, is_websocket, problems);
    }
    match (
        &document.header,
        &document.cookie,
        &document.query,
        &document.scheme,
    ) {
        (Some(header), None, None, scheme) => {
            header_source(key, header, scheme.as_deref(), problems)
        }
        (None, Some(cookie), None, None) => {
            named(key, "cookie", cookie, problems).map(TokenSource::Cookie)
        }
        (None, None, Some(query), None) => {
            warn_of_query(&path::member(key, "query"), forwarding, problems);
            named(key, "query", query, problems).map(TokenSource::Query)
        }
        _ => {
            problems.error(
                key,
                "a token source has exactly one of header, cookie and query; scheme needs header",
                "keep one of them",
            );
            None
        }
    }
}

/// CONTRACT 3.5.5: the header has a list of protocols, so the whole value is never a token.
fn protocol_source(
    key: &str,
    document: &TokenSourceDocument,
    is_websocket: bool,
    problems: &mut Problems,
) -> Option<TokenSource> {
    let is_alone =
        document.scheme.is_none() && document.cookie.is_none() && document.query.is_none();
    match &document.protocol {
        Some(protocol) if is_websocket && is_alone => {
            named(key, "protocol", protocol, problems).map(TokenSource::Protocol)
        }
        _ => {
            problems.error(
                key,
                "header sec-websocket-protocol and protocol need each other, and no other key",
                "write { header: sec-websocket-protocol, protocol: bearer }",
            );
            None
        }
    }
}

/// A token in an address was already logged on its way to accredit, even if accredit removes it.
fn warn_of_query(key: &str, forwarding: TokenForwarding, problems: &mut Problems) {
    let (what, advice) = match forwarding {
        TokenForwarding::Keep => (
            "clients, proxies and upstreams log addresses, and the token with them",
            "prefer a header, and set forward_token: false",
        ),
        TokenForwarding::Remove => (
            "clients and proxies log addresses, and the token with them",
            "prefer a header",
        ),
    };
    problems.warn(WarningCode::TokenInQuery, key, what, advice);
}

fn header_source(
    key: &str,
    header: &str,
    scheme: Option<&str>,
    problems: &mut Problems,
) -> Option<TokenSource> {
    let key_of_header = path::member(key, "header");
    let header = named(key, "header", header, problems)?.to_ascii_lowercase();
    if NEVER_A_SOURCE.iter().any(|own| look_alike(own, &header)) {
        problems.error(
            &key_of_header,
            "this header cannot carry a token: it is part of the request itself",
            "name the header that carries the token",
        );
        return None;
    }
    match scheme {
        None => Some(TokenSource::Header(header)),
        Some(scheme) if !scheme.is_empty() && scheme.trim() != scheme => {
            problems.error(
                &path::member(key, "scheme"),
                "this scheme begins or ends with white space; accredit itself expects one or more spaces after the scheme",
                "write the scheme alone, such as Bearer",
            );
            None
        }
        Some(scheme) => {
            let scheme = named(key, "scheme", scheme, problems)?;
            Some(TokenSource::Scheme { header, scheme })
        }
    }
}

/// A name of RFC 9110's token characters.
fn named(key: &str, member: &str, text: &str, problems: &mut Problems) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        problems.error(
            &path::member(key, member),
            "this is not a name",
            "use letters, digits and hyphens",
        );
        return None;
    }
    Some(text.to_owned())
}
