//! Refuses requests for other hosts and from other web pages (CONTRACT 6.1.5).
//!
//! A web page can let its own DNS name point to a loopback address (DNS rebinding); its requests then have that name as
//! their `Host`.

use std::sync::Arc;

use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::rules::host::Host;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};

const MISDIRECTED: &str = "The Host of this request is not an address of this port. To use another name, add it to admin_hosts.\n";

const OTHER_PAGE: &str = "This port refuses requests that a web page of another origin sends.\n";

/// The hosts for which a port answers.
#[derive(Clone, Debug)]
pub struct HostGuard {
    hosts: Option<Arc<[Host]>>,
}

// === impl HostGuard ===

impl HostGuard {
    /// Permits loopback, the listener's own address and `hosts`. A unix socket permits every host, because web pages
    /// cannot reach it.
    pub fn new(listen: &ListenAddr, hosts: impl IntoIterator<Item = Host>) -> Self {
        let hosts = match listen {
            ListenAddr::Unix(_) => None,
            ListenAddr::Tcp(addr) => {
                let own = Host::Address(addr.ip().to_canonical());
                Some([own].into_iter().chain(hosts).collect())
            }
        };
        Self { hosts }
    }

    /// Guards all routes and the fallback.
    pub fn protect(self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self, host_guard))
    }

    fn admits(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(hosts) = &self.hosts else {
            return true;
        };
        let mut named = None;
        // HTTP/2 has `:authority`, which is in the URI here; HTTP/1.1 has `Host`. If both are present, they must agree.
        // A request with several `Host` fields is ambiguous.
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
            let host = parsed(text);
            if host.is_none() || (named.is_some() && named != host) {
                return false;
            }
            named = host;
        }
        named.is_some_and(|host| host.is_loopback() || hosts.contains(&host))
    }
}

/// Answers 421 (RFC 9110 section 15.5.20) for another host, and 403 for a request of another web page: without a name of
/// its own, the page can send a request to this address, although it cannot read the answer.
pub(crate) async fn host_guard(
    State(guard): State<HostGuard>,
    request: Request,
    next: Next,
) -> Response {
    if !guard.admits(request.uri(), request.headers()) {
        (StatusCode::MISDIRECTED_REQUEST, MISDIRECTED).into_response()
    } else if !is_same_origin(request.uri(), request.headers()) {
        (StatusCode::FORBIDDEN, OTHER_PAGE).into_response()
    } else {
        next.run(request).await
    }
}

/// Whether the request has no `Origin` (RFC 6454 section 7), or the origin of this port.
fn is_same_origin(uri: &Uri, headers: &HeaderMap) -> bool {
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

/// The host of an authority. An IPv4-mapped address is the IPv4 address.
fn parsed(authority: &[u8]) -> Option<Host> {
    let host = Host::parse_authority(str::from_utf8(authority).ok()?).ok()?;
    Some(match host {
        Host::Address(address) => Host::Address(address.to_canonical()),
        Host::Name(_) => host,
    })
}

#[cfg(test)]
mod tests;
