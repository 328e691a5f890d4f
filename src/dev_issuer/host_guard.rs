//! Refuses requests with a `Host` that is not loopback. Otherwise a web page could reach the issuer with a DNS name of its
//! own that resolves to 127.0.0.1 (DNS rebinding).

use accredit_core::rules::host::Host;
use axum::{
    Json,
    extract::Request,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HOST},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Middleware: answers 403 unless the request names a loopback host.
pub(crate) async fn loopback_only(request: Request, next: Next) -> Response {
    if names_loopback(&request) {
        return next.run(request).await;
    }
    let body = json!({
        "error": "forbidden",
        "error_description": "the Host of the request must be localhost or a loopback address",
    });
    let headers = [(CACHE_CONTROL, "no-store")];
    (StatusCode::FORBIDDEN, headers, Json(body)).into_response()
}

/// Whether the request names a host, and every host that it names is loopback.
fn names_loopback(request: &Request) -> bool {
    let in_headers = request.headers().get_all(HOST).iter().map(|value| {
        let text = value.to_str().ok()?;
        Host::parse_authority(text).ok()
    });
    // HTTP/2 has the host in the URI. HTTP/1.1 can have it there too.
    let in_uri = request
        .uri()
        .authority()
        .map(|authority| Host::parse_authority(authority.as_str()).ok());
    let mut named = false;
    for host in in_headers.chain(in_uri) {
        if !host.is_some_and(|host| host.is_loopback()) {
            return false;
        }
        named = true;
    }
    named
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(uri: &str, hosts: &[&str]) -> Request {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(Body::empty()).expect("a request")
    }

    #[test]
    fn the_development_issuer_accepts_only_loopback_hosts() {
        for host in [
            "127.0.0.1:9193",
            "127.9.9.9",
            "localhost",
            "LocalHost:1",
            "[::1]:9193",
        ] {
            assert!(names_loopback(&request("/keys", &[host])), "{host}");
        }
        for host in [
            "attacker.example",
            "attacker.example:9193",
            "127.0.0.1.attacker.example",
            "localhost.attacker.example",
            "localhost@attacker.example",
            "0.0.0.0:9193",
            "[::]:9193",
            "192.168.0.7",
            "not a host",
            "",
        ] {
            assert!(!names_loopback(&request("/keys", &[host])), "{host}");
        }
    }

    #[test]
    fn the_development_issuer_checks_the_host_header_and_the_uri() {
        let http2 = "http://localhost:9193/keys";
        assert!(names_loopback(&request(http2, &[])));
        assert!(names_loopback(&request(http2, &["localhost"])));
        assert!(!names_loopback(&request(http2, &["attacker.example"])));
        assert!(!names_loopback(&request(
            "http://attacker.example/keys",
            &["localhost"]
        )));
        assert!(!names_loopback(&request(
            "/keys",
            &["localhost", "attacker.example"]
        )));
        assert!(!names_loopback(&request("/keys", &[])));
    }
}
