//! From Envoy's message to the request it asks about.

use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::Peer;

use crate::request::{Completeness, Headers, Request};

/// The message has no HTTP attributes: nothing is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHttpAttributes;

/// Reads the request that a message asks about.
///
/// # Errors
/// [`NoHttpAttributes`]
pub fn read(message: &CheckRequest) -> Result<Request<'_>, NoHttpAttributes> {
    let attributes = message.attributes.as_ref().ok_or(NoHttpAttributes)?;
    let http = attributes
        .request
        .as_ref()
        .and_then(|request| request.http.as_ref())
        .ok_or(NoHttpAttributes)?;
    let context = &attributes.context_extensions;
    Ok(Request {
        method: &http.method,
        host: &http.host,
        path: &http.path,
        headers: headers(http),
        source_address: attributes
            .source
            .as_ref()
            .and_then(address)
            .unwrap_or_default(),
        source_principal: attributes
            .source
            .as_ref()
            .map(|source| source.principal.as_str())
            .unwrap_or_default(),
        context: context
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect(),
    })
}

fn address(peer: &Peer) -> Option<&str> {
    match peer.address.as_ref()?.address.as_ref()? {
        Address::SocketAddress(address) => Some(&address.address),
        _ => None,
    }
}

/// `header_map` holds the bytes as they came and keeps repeats apart (`encode_raw_headers: true`), so where it is
/// there nothing else is read.
fn headers(http: &HttpRequest) -> Headers<'_> {
    match &http.header_map {
        Some(map) => {
            let entries = map.headers.iter().map(|header| {
                let raw = !header.raw_value.is_empty();
                (
                    header.key.as_str(),
                    if raw {
                        header.raw_value.as_slice()
                    } else {
                        header.value.as_bytes()
                    },
                )
            });
            let shown = map.headers.iter().any(|header| header.key == ":method");
            Headers::new(entries, completeness(shown))
        }
        None => {
            let entries = http
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()));
            Headers::new(entries, completeness(http.headers.contains_key(":method")))
        }
    }
}

/// Envoy shows `:method` wherever it was not told to show certain headers only.
fn completeness(method_is_shown: bool) -> Completeness {
    if method_is_shown {
        Completeness::Complete
    } else {
        Completeness::Filtered
    }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
    use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
    use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};

    use super::{NoHttpAttributes, read};
    use crate::request::Completeness;

    fn message(http: HttpRequest) -> CheckRequest {
        let request = Request {
            http: Some(http),
            ..Default::default()
        };
        CheckRequest {
            attributes: Some(AttributeContext {
                request: Some(request),
                ..Default::default()
            }),
        }
    }

    #[test]
    fn without_http_attributes_nothing_is_asked() {
        assert_eq!(read(&CheckRequest::default()).err(), Some(NoHttpAttributes));
        let tcp = CheckRequest {
            attributes: Some(AttributeContext::default()),
        };
        assert_eq!(read(&tcp).err(), Some(NoHttpAttributes));
    }

    #[test]
    fn the_header_map_is_read_alone_where_it_is_there() {
        let raw = |key: &str, value: &[u8]| HeaderValue {
            key: key.into(),
            raw_value: value.into(),
            ..Default::default()
        };
        let http = HttpRequest {
            headers: [("authorization".to_owned(), "from headers".to_owned())].into(),
            header_map: Some(HeaderMap {
                headers: vec![
                    raw(":method", b"GET"),
                    raw("X-A", b"\xff"),
                    raw("x-a", b"2"),
                ],
            }),
            ..Default::default()
        };
        let message = message(http);
        let request = read(&message).expect("has attributes");
        assert_eq!(request.headers.all("authorization").count(), 0);
        assert_eq!(
            request.headers.all("x-a").collect::<Vec<_>>(),
            [&b"\xff"[..], b"2"]
        );
        assert_eq!(request.headers.names().collect::<Vec<_>>(), ["x-a", "x-a"]);
        assert_eq!(request.headers.completeness(), Completeness::Complete);
    }

    #[test]
    fn headers_without_the_method_are_filtered_ones() {
        let http = HttpRequest {
            headers: [("x-foo".to_owned(), "1".to_owned())].into(),
            ..Default::default()
        };
        let message = message(http);
        assert_eq!(
            read(&message)
                .expect("has attributes")
                .headers
                .completeness(),
            Completeness::Filtered
        );
    }
}
