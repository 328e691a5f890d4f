//! The refusal of requests that other sites cause (CONTRACT 6.1.6), and the security headers of the answers.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::timeout;

/// Only the console's own script and style load, none of it inline, and the script cannot turn text into markup.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// With `no-referrer`, browsers would send the console's own form with `Origin: null` (Fetch, section 3.2), as they do
/// for some forms of other sites.
const REFERRER_POLICY_VALUE: &str = "same-origin";

/// The time in which a request has to arrive and its answer has to begin.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(5);

const CROSS_SITE: &str = "This port refuses requests from other sites.\n";

const NO_ORIGIN: &str = "This stream needs a request of the console: send Referer with the address of this port. To follow decisions without a browser, use `accredit tail`.\n";

const HEADERS: [(HeaderName, &str); 5] = [
    (
        HeaderName::from_static("content-security-policy"),
        CONTENT_SECURITY_POLICY,
    ),
    (REFERRER_POLICY, REFERRER_POLICY_VALUE),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (HeaderName::from_static("x-frame-options"), "DENY"),
];

/// Middleware of all routes: refuses requests of other sites, and adds the security headers.
pub async fn guard(request: Request, next: Next) -> Response {
    let mut response = match is_permitted(request.method(), request.headers()) {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, CROSS_SITE).into_response(),
    };
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// Middleware of the routes that are not pages, probes, metrics and the admin API included: refuses links from other
/// sites too. A link to the tail, or its prefetch (Speculation Rules send it as a navigation), would occupy one of the
/// followers' places.
pub async fn refuse_other_sites(request: Request, next: Next) -> Response {
    match is_same_origin(request.headers()) {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, CROSS_SITE).into_response(),
    }
}

/// Middleware of streams, which occupy a place for as long as their reader likes: refuses requests that do not show that the
/// console, or a program, sent them. Browsers send no Fetch Metadata to a host other than loopback without TLS, and a page
/// of another site can then load an address as an image, without `Origin`. It cannot set `Referer` to another origin.
pub async fn require_own_origin(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let own = match request.uri().authority() {
        Some(authority) => Some(authority.as_str().as_bytes()),
        None => value(headers, "host"),
    };
    // The guard of the port has compared `Origin`, and `refuse_other_sites` Fetch Metadata.
    let is_shown = ["sec-fetch-site", "origin"]
        .iter()
        .any(|name| headers.contains_key(*name))
        || value(headers, "referer").is_some_and(|page| own.is_some_and(|own| is_of(page, own)));
    match is_shown {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, NO_ORIGIN).into_response(),
    }
}

/// Whether the URL of a page begins with that authority.
fn is_of(page: &[u8], authority: &[u8]) -> bool {
    let rest = [&b"http://"[..], b"https://"]
        .iter()
        .find_map(|scheme| page.strip_prefix(*scheme));
    let named = rest.and_then(|rest| rest.split(|octet| *octet == b'/').next());
    named.is_some_and(|named| named.eq_ignore_ascii_case(authority))
}

/// Middleware of the whole port: no browser interprets an answer as another type than its `Content-Type`.
pub async fn forbid_sniffing(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let nosniff = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// Middleware that limits the time until the answer begins. A form that arrives byte by byte would otherwise occupy a
/// connection for as long as its sender likes.
pub async fn limit_time(request: Request, next: Next) -> Response {
    match timeout(MAX_REQUEST_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (
            StatusCode::REQUEST_TIMEOUT,
            "The request did not arrive within 5 s.\n",
        )
            .into_response(),
    }
}

/// Middleware of pages with decisions, issuers or tokens: forbids caching.
pub async fn forbid_storing(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether Fetch Metadata (section 2.1) permits the request. A page of another site can load the console's addresses,
/// for example as images, without an `Origin` header. Links to pages of the console are permitted. Requests without
/// Fetch Metadata come from other programs than browsers, or from browsers that do not send it; the guard of the port
/// has checked `Host` and `Origin` before.
fn is_permitted(method: &Method, headers: &HeaderMap) -> bool {
    let is_a_link = || {
        *method == Method::GET
            && value(headers, "sec-fetch-mode") == Some(b"navigate")
            && value(headers, "sec-fetch-dest") == Some(b"document")
    };
    is_same_origin(headers) || is_a_link()
}

/// Whether the request comes from the console itself, from the address bar, or from a program without Fetch Metadata.
fn is_same_origin(headers: &HeaderMap) -> bool {
    matches!(
        value(headers, "sec-fetch-site"),
        None | Some(b"same-origin" | b"none")
    )
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(HeaderValue::as_bytes)
}
