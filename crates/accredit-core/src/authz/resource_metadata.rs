//! The metadata of the protected API (RFC 9728), with which a client finds the authorization server and the scopes.

use serde_json::json;
use url::Url;

use crate::authz::answer::{RefusalCode, RefusedAnswer};
use crate::authz::denial_context::RefusalForm;
use crate::request::Request;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata of one API. Its address never comes from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceMetadata {
    /// The address of the document, for challenges.
    address: String,
    /// The path at which the document is answered, beside [`WELL_KNOWN`].
    path: String,
    body: String,
}

/// The content of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceDescription {
    /// The identifier of the API, as clients compare it.
    pub resource: String,
    pub authorization_servers: Vec<String>,
    pub scopes: Vec<String>,
    /// `header` and `query` (RFC 9728 section 2).
    pub bearer_methods: Vec<&'static str>,
}

/// The text is not the identifier of a protected resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResource {
    #[error("the resource is not an https URL; http is permitted to loopback addresses only")]
    NotHttps,
    #[error("the resource has a user part, a query or a fragment")]
    ExtraPart,
    #[error("the resource has a character that a challenge cannot quote")]
    Unquotable,
}

impl ResourceMetadata {
    /// # Errors
    /// [`InvalidResource`]
    pub fn new(description: &ResourceDescription) -> Result<ResourceMetadata, InvalidResource> {
        let resource = description.resource.as_str();
        let url = Url::parse(resource).map_err(|_| InvalidResource::NotHttps)?;
        let is_loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(InvalidResource::NotHttps),
        };
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            _ => return Err(InvalidResource::NotHttps),
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidResource::ExtraPart);
        }
        let is_quotable = |byte: u8| matches!(byte, b'!'..=b'~') && byte != b'"' && byte != b'\\';
        if !resource.bytes().all(is_quotable) {
            return Err(InvalidResource::Unquotable);
        }
        // RFC 9728 section 3.1: inserted between the host and the path, without a slash that ends the host.
        let own_path = if url.path() == "/" { "" } else { url.path() };
        let path = format!("{WELL_KNOWN}{own_path}");
        let origin = url.origin().ascii_serialization();
        let mut document = json!({
            "resource": resource,
            "authorization_servers": description.authorization_servers,
            "scopes_supported": description.scopes,
            "bearer_methods_supported": description.bearer_methods,
        });
        if description.scopes.is_empty()
            && let Some(members) = document.as_object_mut()
        {
            members.remove("scopes_supported");
        }
        Ok(ResourceMetadata {
            address: format!("{origin}{path}"),
            path,
            body: document.to_string(),
        })
    }

    /// The address of the document, which has no character that a quoted string escapes.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The document, if the request asks for it.
    pub(in crate::authz) fn answer(&self, request: &Request<'_>) -> Option<RefusedAnswer> {
        if !matches!(request.method, "GET" | "HEAD") {
            return None;
        }
        let target = request.target();
        // This comparison costs little for every other request.
        if !target.starts_with(WELL_KNOWN.as_bytes()) {
            return None;
        }
        let end = target.iter().position(|byte| *byte == b'?');
        let path = target.get(..end.unwrap_or(target.len()))?;
        let is_asked = path == self.path.as_bytes() || path == WELL_KNOWN.as_bytes();
        is_asked.then(|| RefusedAnswer {
            status: 200,
            // Envoy answers the client itself only if the code is not 0.
            code: RefusalCode::PermissionDenied,
            form: RefusalForm::Denied,
            headers: vec![
                ("content-type", "application/json".into()),
                ("cache-control", "max-age=300".into()),
                // The document is public, and clients in browsers read it too.
                ("access-control-allow-origin", "*".into()),
            ],
            body: self.body.clone().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidResource, ResourceDescription, ResourceMetadata};
    use crate::request::{ClientCertificate, Completeness, Headers, Request};

    fn metadata(resource: &str) -> Result<ResourceMetadata, InvalidResource> {
        ResourceMetadata::new(&ResourceDescription {
            resource: resource.to_owned(),
            authorization_servers: vec!["https://issuer.example".to_owned()],
            scopes: Vec::new(),
            bearer_methods: vec!["header"],
        })
    }

    fn is_answered(resource: &str, method: &str, path: &str) -> bool {
        let request = Request {
            method,
            scheme: "https",
            host: "other.example",
            path,
            headers: Headers::new(std::iter::empty(), Completeness::Complete),
            source_address: "",
            source_principal: "",
            source_certificate: ClientCertificate::Absent,
            context: Vec::new(),
            trace: None,
        };
        let metadata = metadata(resource).expect("is a resource");
        metadata.answer(&request).is_some()
    }

    #[test]
    fn the_document_is_at_the_well_known_path_with_the_path_of_the_resource() {
        for (resource, address) in [
            (
                "https://api.example",
                "https://api.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://api.example/",
                "https://api.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://api.example:8443/mcp",
                "https://api.example:8443/.well-known/oauth-protected-resource/mcp",
            ),
            (
                "http://127.0.0.1:9/a/b",
                "http://127.0.0.1:9/.well-known/oauth-protected-resource/a/b",
            ),
        ] {
            assert_eq!(
                metadata(resource).map(|own| own.address),
                Ok(address.to_owned())
            );
        }
        let mcp = "https://api.example/mcp";
        for (method, path, expected) in [
            ("GET", "/.well-known/oauth-protected-resource/mcp", true),
            ("HEAD", "/.well-known/oauth-protected-resource/mcp?x", true),
            ("GET", "/.well-known/oauth-protected-resource", true),
            ("GET", "/.well-known/oauth-protected-resource/", false),
            ("GET", "/.well-known/oauth-protected-resource/other", false),
            ("GET", "/.well-known/oauth-protected-resource/../mcp", false),
            ("GET", "/.well-known/oauth-protected-resourcemcp", false),
            ("GET", "//.well-known/oauth-protected-resource/mcp", false),
            ("POST", "/.well-known/oauth-protected-resource/mcp", false),
            (
                "OPTIONS",
                "/.well-known/oauth-protected-resource/mcp",
                false,
            ),
            ("GET", "/mcp", false),
        ] {
            assert_eq!(is_answered(mcp, method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_resource_is_an_https_url_without_query_and_fragment() {
        for (resource, error) in [
            ("", InvalidResource::NotHttps),
            ("api.example", InvalidResource::NotHttps),
            ("http://api.example", InvalidResource::NotHttps),
            ("urn:a", InvalidResource::NotHttps),
            ("https://api.example?a", InvalidResource::ExtraPart),
            ("https://api.example/#a", InvalidResource::ExtraPart),
            ("https://u@api.example", InvalidResource::ExtraPart),
            ("https://api.example/a\"b", InvalidResource::Unquotable),
            ("https://api.example/\u{e9}", InvalidResource::Unquotable),
        ] {
            assert_eq!(metadata(resource).err(), Some(error), "{resource}");
        }
    }
}
