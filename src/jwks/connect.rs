//! Connects to another address than the name of a URL says (`jwks.connect`). TLS and `Host` keep the name.

use accredit_core::keys::access::ConnectTarget;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HOST, HeaderMap, HeaderValue};

/// The target of connections to one host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::jwks) struct ConnectRoute {
    pub(in crate::jwks) name: String,
    pub(in crate::jwks) target: ConnectTarget,
}

impl ConnectRoute {
    /// Whether connections for this URL take the route.
    pub(in crate::jwks) fn is_for(&self, url: &Url) -> bool {
        url.host_str() == Some(self.name.as_str())
    }

    /// The URL and the headers of a request on this route. A port in the URL would replace the target's, so it is only in
    /// `Host`.
    pub(in crate::jwks) fn request(&self, url: &Url, headers: &HeaderMap) -> (Url, HeaderMap) {
        let (mut url, mut headers) = (url.clone(), headers.clone());
        if let Some(port) = url.port()
            && url.set_port(None).is_ok()
            && let Ok(host) = HeaderValue::from_str(&format!("{}:{port}", self.name))
        {
            headers.insert(HOST, host);
        }
        (url, headers)
    }
}

impl Resolve for ConnectRoute {
    /// The addresses of the target, with its port, for the name; the usual addresses for every other name.
    fn resolve(&self, name: Name) -> Resolving {
        let (host, port) = match name.as_str() == self.name {
            true => (self.target.host.clone(), self.target.port),
            false => (name.as_str().to_owned(), 0),
        };
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}
