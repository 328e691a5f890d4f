//! The parts of a request that may be reported (CONTRACT 6.2): method, host, path and ID, cut to bounded lengths.

use accredit_core::request::Request;

/// The maximum length of a request ID, in bytes. A client can choose `x-request-id` (CONTRACT 6.2.2).
const MAX_ID: usize = 128;

const MAX_METHOD: usize = 32;
const MAX_HOST: usize = 255;
const MAX_PATH: usize = 1024;

/// A request without its query, headers and body.
#[derive(Clone, Debug)]
pub struct RequestSummary {
    /// Envoy's `x-request-id`, printable ASCII only.
    pub id: Option<Box<str>>,
    pub method: Box<str>,
    /// The host as Envoy sent it.
    pub host: Box<str>,
    /// The path without its query and fragment.
    pub path: Box<str>,
}

impl RequestSummary {
    pub fn of(request: &Request<'_>) -> RequestSummary {
        RequestSummary {
            id: request.headers.all("x-request-id").next().map(printable),
            method: cut(request.method, MAX_METHOD).into(),
            host: cut(request.host, MAX_HOST).into(),
            path: cut(path_of(request), MAX_PATH).into(),
        }
    }

    /// The host without its port, and the port (RFC 3986 section 3.2). A host of another form is returned whole.
    pub fn server(&self) -> (&str, Option<u16>) {
        let whole = (&*self.host, None);
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

/// The path of a request without its query and fragment.
pub fn path_of<'a>(request: &Request<'a>) -> &'a str {
    let path = request.path;
    let end = path.find(['?', '#']).unwrap_or(path.len());
    path.get(..end).unwrap_or_default()
}

fn printable(value: &[u8]) -> Box<str> {
    let value = value.get(..MAX_ID).unwrap_or(value);
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
    match std::str::from_utf8(value) {
        Ok(text) if value.iter().all(is_printable) => text.into(),
        Ok(_) | Err(_) => {
            let shown = value.iter().copied().filter(is_printable);
            shown.map(char::from).collect::<String>().into()
        }
    }
}

/// The longest prefix of at most `max` bytes that ends at a character boundary.
pub fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::RequestSummary;
    use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};

    #[test]
    fn client_text_in_a_summary_is_shortened_and_the_query_is_left_out() {
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
            source_certificate: ClientCertificate::Absent,
            scheme: "https",
            context: Vec::new(),
            trace: None,
        };
        let summary = RequestSummary::of(&request);
        let id = summary.id.unwrap_or_default();
        assert!(id.starts_with("a[31m xxx") && id.len() == 128 - 3, "{id}");
        assert_eq!(summary.method.len(), 32);
        assert_eq!(summary.path.len(), 1023, "cut before half a character");
        let fragment = Request {
            path: "/a#b?c",
            ..request
        };
        assert_eq!(&*RequestSummary::of(&fragment).path, "/a");
    }

    #[test]
    fn the_summary_of_a_request_splits_the_host_from_its_port() {
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
            let summary = RequestSummary {
                id: None,
                method: "".into(),
                host: host.into(),
                path: "".into(),
            };
            assert_eq!(summary.server(), expected, "{host}");
        }
    }
}
