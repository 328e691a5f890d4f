//! Answers only requests that name a loopback host, so that a web page cannot reach the issuer by
//! pointing a name of its own at 127.0.0.1 (DNS rebinding).

use std::net::IpAddr;

use axum::{
    Json,
    extract::Request,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HOST},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Lets the request on, or refuses it with 403.
pub async fn loopback_only(request: Request, next: Next) -> Response {
    if names_loopback(&request) {
        return next.run(request).await;
    }
    let body = json!({
        "error": "forbidden",
        "error_description": "the development issuer answers only to localhost and loopback addresses",
    });
    let headers = [(CACHE_CONTROL, "no-store")];
    (StatusCode::FORBIDDEN, headers, Json(body)).into_response()
}

/// Whether the request says which host it wants, and each place that says so says a loopback one.
fn names_loopback(request: &Request) -> bool {
    let in_headers = request.headers().get_all(HOST).iter().map(|value| {
        let host = value.to_str().ok()?;
        host.parse::<Authority>().ok()
    });
    // HTTP/2 has the host in the URI, HTTP/1.1 may have it there too.
    let in_uri = request.uri().authority().cloned().map(Some);
    let mut named = false;
    for authority in in_headers.chain(in_uri) {
        if !authority.is_some_and(|authority| is_loopback(authority.host())) {
            return false;
        }
        named = true;
    }
    named
}

fn is_loopback(host: &str) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
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
    fn only_loopback_names_and_addresses_pass() {
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
    fn every_place_that_names_a_host_is_judged() {
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
