//! `resource_metadata`: the document that accredit answers itself.

use crate::authn::token_source::TokenSource;
use crate::authz::resource_metadata::{ResourceDescription, ResourceMetadata};
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resource_metadata_document::ResourceMetadataDocument;
use crate::config::sentence::Sentence;
use crate::config::settings::IssuerSettings;
use crate::keys::source::{KeyAddress, Transport};

const KEY: &str = "resource_metadata";

/// `None` without the key, and where a problem was reported.
pub fn resource_metadata(
    document: Option<&ResourceMetadataDocument>,
    issuers: &[IssuerSettings],
    sources: &[TokenSource],
    problems: &mut Problems,
) -> Option<ResourceMetadata> {
    let document = document?;
    let is_scope = |byte: u8| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~');
    for (number, scope) in document.scopes.iter().flatten().enumerate() {
        if scope.is_empty() || !scope.bytes().all(is_scope) {
            problems.error(
                &path::item(&path::member(KEY, "scopes"), number),
                "this is not a scope",
                "write one scope: printable ASCII without space, \" and \\ (RFC 6749 section 3.3)",
            );
        }
    }
    let is_url = |text: &str| KeyAddress::parse(text, Transport::Https).is_ok();
    for (number, server) in document.authorization_servers.iter().flatten().enumerate() {
        if !is_url(server) {
            problems.error(
                &path::item(&path::member(KEY, "authorization_servers"), number),
                "this is not an https URL",
                "write the issuer identifier of the authorization server",
            );
        }
    }
    let configured = || {
        let names = issuers.iter().flat_map(|issuer| &issuer.names);
        let urls = names.filter(|name| is_url(name) && !name.contains('{'));
        urls.map(|name| name.to_string()).collect()
    };
    let description = ResourceDescription {
        resource: document.resource.clone(),
        authorization_servers: document
            .authorization_servers
            .clone()
            .unwrap_or_else(configured),
        scopes: document.scopes.clone().unwrap_or_default(),
        bearer_methods: bearer_methods(sources),
    };
    match ResourceMetadata::new(&description) {
        Ok(metadata) => Some(metadata),
        Err(error) => {
            problems.error(
                &path::member(KEY, "resource"),
                Sentence::own(error.to_string()),
                "write the URL of the API, such as https://api.acme.example",
            );
            None
        }
    }
}

/// RFC 6750 section 2: the standard places only.
fn bearer_methods(sources: &[TokenSource]) -> Vec<&'static str> {
    let has = |is_place: fn(&TokenSource) -> bool| sources.iter().any(is_place);
    let mut methods = Vec::new();
    if has(
        |source| matches!(source, TokenSource::Scheme { header, scheme } if header == "authorization" && scheme.eq_ignore_ascii_case("Bearer")),
    ) {
        methods.push("header");
    }
    if has(|source| matches!(source, TokenSource::Query(name) if name == "access_token")) {
        methods.push("query");
    }
    methods
}
