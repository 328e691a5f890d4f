//! `htu` of a DPoP proof: the URL of the request without query and fragment (RFC 9449 section 4.3).
//!
//! Both URLs are normalised only in ways that every server treats as equal (RFC 3986 sections 6.2.2 and 6.2.3): case of
//! scheme and host, the default port, an empty path, and percent-encoded characters that need no encoding. Dot segments are
//! compared as they are.

use crate::request::Request;
use crate::rules::host::Host;

/// Whether `htu` is the URL of the request as Envoy saw it.
pub fn is_target(htu: &str, request: &Request<'_>) -> bool {
    let Some((scheme, rest)) = htu.split_once("://") else {
        return false;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if !scheme.eq_ignore_ascii_case(request.scheme) {
        return false;
    }
    let own = origin(request.scheme, request.host);
    own.is_some()
        && origin(request.scheme, authority) == own
        && normalized(path.as_bytes()) == normalized(request.target())
}

/// Host and port. `None` for a scheme other than http and https, and for a bad authority, including one with a user part.
fn origin(scheme: &str, authority: &str) -> Option<(Host, u16)> {
    let default = match () {
        () if scheme.eq_ignore_ascii_case("https") => 443,
        () if scheme.eq_ignore_ascii_case("http") => 80,
        () => return None,
    };
    let host = Host::parse_authority(authority).ok()?;
    let port = match authority.rsplit_once(':') {
        Some((_, port)) if !authority.ends_with(']') => port.parse().ok()?,
        _ => default,
    };
    Some((host, port))
}

/// A path without its query and fragment.
fn normalized(target: &[u8]) -> Vec<u8> {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#'));
    let path = target
        .get(..end.unwrap_or(target.len()))
        .unwrap_or_default();
    if path.is_empty() {
        return b"/".to_vec();
    }
    let mut normal = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                let byte = high << 4 | low;
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    normal.push(byte);
                } else {
                    normal.push(b'%');
                    let digits = after.get(..2).unwrap_or_default();
                    normal.extend(digits.iter().map(u8::to_ascii_uppercase));
                }
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                normal.push(*first);
                rest = after;
            }
        }
    }
    normal
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::is_target;
    use crate::request::{ClientCertificate, Completeness, Headers, Request};

    fn request<'a>(scheme: &'a str, host: &'a str, path: &'a str) -> Request<'a> {
        Request {
            method: "GET",
            scheme,
            host,
            path,
            headers: Headers::new(std::iter::empty(), Completeness::Complete),
            source_address: "",
            source_principal: "",
            source_certificate: ClientCertificate::Absent,
            context: Vec::new(),
            trace: None,
        }
    }

    #[test]
    fn htu_is_the_url_of_the_request_without_query() {
        let api = || request("https", "api.example", "/a/b?c=d");
        for htu in [
            "https://api.example/a/b",
            "HTTPS://API.Example:443/a/b",
            "https://api.example./a/b",
            "https://api.example/%61/%62",
            "https://api.example/a/b?other",
            "https://api.example/a/b#x",
        ] {
            assert!(is_target(htu, &api()), "{htu}");
        }
        for htu in [
            "",
            "/a/b",
            "api.example/a/b",
            "http://api.example/a/b",
            "https://api.example:8443/a/b",
            "https://other.example/a/b",
            "https://api.example/a/b/",
            "https://api.example/A/b",
            "https://api.example/a%2Fb",
            "https://api.example/x/../a/b",
            "https://api.example",
            "https://user@api.example/a/b",
            "https://api.example\\/a/b",
            "https://api.example:x/a/b",
            "https:///a/b",
        ] {
            assert!(!is_target(htu, &api()), "{htu}");
        }
    }

    #[test]
    fn ports_empty_paths_and_escapes_are_compared_in_one_form() {
        for (scheme, host, path, htu) in [
            ("http", "a.example:80", "/", "http://a.example"),
            ("http", "a.example", "/?x", "http://a.example:80/"),
            ("https", "a.example:8443", "/x", "https://a.example:8443/x"),
            ("https", "[::1]:443", "/x", "https://[::1]/x"),
            ("https", "a.example", "/%c3%a9", "https://a.example/%C3%A9"),
            ("https", "a.example", "/%7Ea", "https://a.example/~a"),
            ("https", "a.example", "/%zz%", "https://a.example/%zz%"),
        ] {
            assert!(is_target(htu, &request(scheme, host, path)), "{htu}");
        }
        for (scheme, host, path, htu) in [
            ("", "a.example", "/", "://a.example/"),
            ("ftp", "a.example", "/", "ftp://a.example/"),
            ("https", "", "/", "https:///"),
            (
                "https",
                "a.example,b.example",
                "/",
                "https://a.example,b.example/",
            ),
            ("https", "a.example", "*", "https://a.example"),
        ] {
            assert!(!is_target(htu, &request(scheme, host, path)), "{htu}");
        }
    }
}
