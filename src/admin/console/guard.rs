//! What every answer of the console carries, and which requests of other pages are refused.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::timeout;

/// Nothing but our own script and style runs or loads, neither of them inline; the script makes no markup of text.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// `no-referrer` would make browsers send a form of our own page with `Origin: null` (Fetch, section 3.2), which
/// nobody could tell from another page's.
const REFERRERS: &str = "same-origin";

const LONGEST: Duration = Duration::from_secs(5);

const OTHER_PAGE: &str = "The console answers to no page but its own.\n";

/// The headers of every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        HeaderName::from_static("content-security-policy"),
        CONTENT_SECURITY_POLICY,
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, REFERRERS),
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

/// The middleware around all of it.
pub async fn guard(request: Request, next: Next) -> Response {
    let mut response = match is_of_no_other_page(request.method(), request.headers()) {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, OTHER_PAGE).into_response(),
    };
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// The middleware around what is no page and which nobody links to: followed from elsewhere, or fetched ahead as if it
/// were (Speculation Rules ask as a navigation does), the tail would take a follower's place.
pub async fn refuse_links(request: Request, next: Next) -> Response {
    match is_of_our_own(request.headers()) {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, OTHER_PAGE).into_response(),
    }
}

/// The middleware around what is read from a request: it begins to be answered within this, or is not. A form that
/// comes byte by byte would keep its place for as long as its sender likes.
pub async fn limit_time(request: Request, next: Next) -> Response {
    match timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (
            StatusCode::REQUEST_TIMEOUT,
            "The request came too slowly.\n",
        )
            .into_response(),
    }
}

/// The middleware around what tells of decisions, issuers or tokens.
pub async fn forbid_storing(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a browser says of where a request comes from (Fetch Metadata, section 2.1): a page elsewhere can have an image
/// load an address of ours, and with it take a follower's place, without an `Origin` that would tell. A link that
/// somebody follows to a page of ours is welcome. Who says nothing is no browser of today, or reaches us in a way that
/// browsers tell nothing about; the guard of the whole port has looked at `Host` and `Origin` before.
fn is_of_no_other_page(method: &Method, headers: &HeaderMap) -> bool {
    let is_a_link = || {
        *method == Method::GET
            && said(headers, "sec-fetch-mode") == Some(b"navigate")
            && said(headers, "sec-fetch-dest") == Some(b"document")
    };
    is_of_our_own(headers) || is_a_link()
}

/// Whether a page of ours asks, or somebody who typed the address, or who says nothing.
fn is_of_our_own(headers: &HeaderMap) -> bool {
    matches!(
        said(headers, "sec-fetch-site"),
        None | Some(b"same-origin" | b"none")
    )
}

fn said<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(HeaderValue::as_bytes)
}
