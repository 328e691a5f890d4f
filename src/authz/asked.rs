//! What may be told of a request: its method, host, path and id, cut to lengths that a log can bear.

use std::borrow::Cow;

use crate::request::Request;

/// `x-request-id` is client text: so many bytes of it, and printable ASCII alone.
const LONGEST_ID: usize = 128;

const LONGEST_METHOD: usize = 32;
const LONGEST_HOST: usize = 255;
const LONGEST_PATH: usize = 1024;

/// A request as logs and traces show it: without query, headers and bodies.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Envoy's `x-request-id`.
    pub request_id: Option<Cow<'a, str>>,
    /// The method.
    pub method: &'a str,
    /// The host as it was sent.
    pub host: &'a str,
    /// The path, without what follows `?` or `#`.
    pub path: &'a str,
}

impl<'a> Asked<'a> {
    /// What may be told of that request.
    pub fn of(request: &Request<'a>) -> Asked<'a> {
        let path = request.path;
        let end = path.find(['?', '#']).unwrap_or(path.len());
        Asked {
            request_id: request.headers.all("x-request-id").next().map(printable),
            method: cut(request.method, LONGEST_METHOD),
            host: cut(request.host, LONGEST_HOST),
            path: cut(path.get(..end).unwrap_or_default(), LONGEST_PATH),
        }
    }

    /// The host apart from its port (RFC 3986, section 3.2); together as they were sent where that is no such pair.
    pub fn server(&self) -> (&'a str, Option<u16>) {
        let whole = (self.host, None);
        let Some((address, port)) = self.host.rsplit_once(':') else {
            return whole;
        };
        let is_one = !address.contains(':') || (address.starts_with('[') && address.ends_with(']'));
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse() {
            Ok(port) if is_one && digits => (address, Some(port)),
            Ok(_) | Err(_) => whole,
        }
    }
}

fn printable(value: &[u8]) -> Cow<'_, str> {
    let value = value.get(..LONGEST_ID).unwrap_or(value);
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
    match std::str::from_utf8(value) {
        Ok(text) if value.iter().all(is_printable) => text.into(),
        Ok(_) | Err(_) => value
            .iter()
            .copied()
            .filter(|byte| is_printable(byte))
            .map(char::from)
            .collect::<String>()
            .into(),
    }
}

/// The longest beginning of so many bytes at most that ends with a whole character.
pub fn cut(text: &str, longest: usize) -> &str {
    let mut end = longest.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Asked;
    use crate::request::{Completeness, Headers, Request};

    #[test]
    fn client_text_is_cut_and_the_query_is_never_there() {
        let id = [b"a\x1b[31m\xff\n ".as_slice(), &[b'x'; 200]].concat();
        let headers = [("x-request-id", id.as_slice())];
        let path = format!("/{}?access_token=t", "ü".repeat(600));
        let request = Request {
            method: &"M".repeat(100),
            host: "h",
            path: &path,
            headers: Headers::new(headers.into_iter(), Completeness::Complete),
            source_address: "",
            source_principal: "",
            context: Vec::new(),
        };
        let asked = Asked::of(&request);
        let id = asked.request_id.unwrap_or_default();
        assert!(id.starts_with("a[31m xxx") && id.len() == 128 - 3, "{id}");
        assert_eq!(asked.method.len(), 32);
        assert_eq!(asked.path.len(), 1023, "cut before half a character");
        let fragment = Request {
            path: "/a#b?c",
            ..request
        };
        assert_eq!(Asked::of(&fragment).path, "/a");
    }

    #[test]
    fn a_host_is_told_apart_from_its_port() {
        for (host, expected) in [
            ("api.test", ("api.test", None)),
            ("api.test:8443", ("api.test", Some(8443))),
            ("[::1]:80", ("[::1]", Some(80))),
            ("[::1]", ("[::1]", None)),
            ("::1", ("::1", None)),
            ("api.test:", ("api.test:", None)),
            ("api.test:+80", ("api.test:+80", None)),
            ("api.test:99999", ("api.test:99999", None)),
            ("", ("", None)),
        ] {
            let asked = Asked {
                request_id: None,
                method: "",
                host,
                path: "",
            };
            assert_eq!(asked.server(), expected, "{host}");
        }
    }
}
