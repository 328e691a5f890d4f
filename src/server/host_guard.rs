//! Answers only requests whose `Host` is one of ours, so that no web page can reach a loopback port by a
//! DNS name of its own that it lets point there (DNS rebinding).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};

use crate::config::listen_addr::ListenAddr;
use crate::rules::host::Host;

const REFUSAL: &str = "This port answers only to its own address; to reach it by another name, add the name to admin_hosts.\n";

const OTHER_PAGE: &str = "This port answers to no page but its own.\n";

/// Which hosts a port answers to.
#[derive(Clone, Debug)]
pub struct HostGuard {
    hosts: Option<Arc<[Host]>>,
}

// === impl HostGuard ===

impl HostGuard {
    /// Loopback, the listener's own address, and these. On a unix socket any: no web page reaches one.
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
            let host = parsed(text);
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
