//! Answers only requests whose `Host` is one of ours, so that no web page can reach a loopback port by a
//! DNS name of its own that it lets point there (DNS rebinding).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};

use crate::server::listener::ListenAddr;

const REFUSAL: &str = "This port answers only to its own address; to reach it by another name, add the name to admin_hosts.\n";

const OTHER_PAGE: &str = "This port answers to no page but its own.\n";

/// A host as it is compared: without port, letter case, and one trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(Name);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Address(IpAddr),
    Domain(String),
}

/// A text that is no host name or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNameError(String);

/// Which hosts a port answers to.
#[derive(Clone, Debug)]
pub struct HostGuard {
    hosts: Option<Arc<[HostName]>>,
}

// === impl HostGuard ===

impl HostGuard {
    /// Loopback, the listener's own address, and these. On a unix socket any: no web page reaches one.
    pub fn new(listen: &ListenAddr, hosts: impl IntoIterator<Item = HostName>) -> Self {
        let hosts = match listen {
            ListenAddr::Unix(_) => None,
            ListenAddr::Tcp(addr) => {
                let own = HostName(Name::Address(addr.ip().to_canonical()));
                Some([own].into_iter().chain(hosts).collect())
            }
        };
        Self { hosts }
    }

    /// Lays the guard around routes, and around what they answer where nothing matches.
    pub fn protect(self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self, host_guard))
    }

    fn admits(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(hosts) = &self.hosts else {
            return true;
        };
        let mut named = None;
        // HTTP/2 has `:authority`, which arrives in the URI; HTTP/1.1 has `Host`. Both may be there, and
        // must then agree; anything more is somebody who wants to be read in two ways.
        let mut fields = headers.get_all(HOST).iter();
        let (field, second) = (fields.next(), fields.next());
        if second.is_some() {
            return false;
        }
        let authority = uri
            .authority()
            .map(|authority| authority.as_str().as_bytes());
        for text in authority
            .into_iter()
            .chain(field.map(|field| field.as_bytes()))
        {
            let host = str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse::<HostName>().ok());
            if host.is_none() || (named.is_some() && named != host) {
                return false;
            }
            named = host;
        }
        named.is_some_and(|host| host.is_loopback() || hosts.contains(&host))
    }
}

/// The middleware: 421 (Misdirected Request, RFC 9110, section 15.5.20) for a host that is not ours, and 403 for what
/// another web page sends, which needs no name of its own: it can post to our address itself, and only not read the
/// answer.
pub async fn host_guard(State(guard): State<HostGuard>, request: Request, next: Next) -> Response {
    if !guard.admits(request.uri(), request.headers()) {
        (StatusCode::MISDIRECTED_REQUEST, REFUSAL).into_response()
    } else if !is_of_no_other_page(request.uri(), request.headers()) {
        (StatusCode::FORBIDDEN, OTHER_PAGE).into_response()
    } else {
        next.run(request).await
    }
}

/// Whether no browser sends it for a page (`Origin`, RFC 6454 section 7), or for one of this very port.
fn is_of_no_other_page(uri: &Uri, headers: &HeaderMap) -> bool {
    let own = match uri.authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => headers.get(HOST).map_or(&[][..], |host| host.as_bytes()),
    };
    headers.get_all(ORIGIN).iter().all(|origin| {
        let origin = origin.as_bytes();
        ["http://", "https://"].iter().any(|scheme| {
            let page = origin.strip_prefix(scheme.as_bytes());
            page.is_some_and(|page| page.eq_ignore_ascii_case(own))
        })
    })
}

// === impl HostName ===

impl HostName {
    fn is_loopback(&self) -> bool {
        match &self.0 {
            Name::Address(address) => address.is_loopback(),
            Name::Domain(name) => name == "localhost",
        }
    }
}

impl FromStr for HostName {
    type Err = HostNameError;

    /// Reads `host`, `host:port`, `192.0.2.1`, `[2001:db8::1]:443`, and a bare `2001:db8::1`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = match text.parse::<IpAddr>() {
            Ok(address) => Some(Name::Address(address.to_canonical())),
            Err(_) => without_port(text).and_then(Name::of),
        };
        name.map(Self).ok_or_else(|| HostNameError(text.to_owned()))
    }
}

impl Name {
    fn of(host: &str) -> Option<Self> {
        if let Some(inner) = host.strip_prefix('[') {
            let address = inner
                .strip_suffix(']')?
                .parse::<std::net::Ipv6Addr>()
                .ok()?;
            return Some(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        if let Ok(address) = name.parse() {
            return Some(Self::Address(address));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let labels_hold = name
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(plain));
        labels_hold.then(|| Self::Domain(name.to_ascii_lowercase()))
    }
}

/// Cuts off a port, which may be empty (RFC 3986, section 3.2.3); `None` where what follows the colon is none.
fn without_port(text: &str) -> Option<&str> {
    let after_address = text.rfind(']').map_or(0, |end| end + 1);
    match text.get(after_address..)?.split_once(':') {
        None => Some(text),
        Some((between, port)) => {
            let is_port = port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
            let end = after_address + between.len();
            if is_port { text.get(..end) } else { None }
        }
    }
}

// === errors ===

impl fmt::Display for HostNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no host: write a name or an address, such as accredit.example",
            self.0
        )
    }
}

impl std::error::Error for HostNameError {}

#[cfg(test)]
mod tests;
