//! Request paths against other servers' readings: a path that accredit calls unambiguous has the same segments in each.

use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};
use accredit_core::rules::ambiguity::Ambiguities;
use accredit_core::rules::facts::{Facts, MatchedPath, Needs};
use accredit_core::rules::path::Path;

use super::path_oracle::{merging, rfc3986, servlet, suspicious};

/// Whether the path has one interpretation.
pub fn check(input: &[u8]) -> bool {
    let rooted = [b"/", input].concat();
    assert!(!is_plain_if_shown_as(
        &String::from_utf8_lossy(&rooted),
        input
    ));
    judge(input) | judge(&rooted)
}

/// Whether rules match a path of which Envoy shows one form in the message and another one in `:path`.
fn is_plain_if_shown_as(shown: &str, raw: &[u8]) -> bool {
    let request = Request {
        method: "GET",
        host: "a.example",
        path: shown,
        headers: Headers::new([(":path", raw)].into_iter(), Completeness::Complete),
        source_address: "",
        source_principal: "",
        source_certificate: ClientCertificate::Absent,
        scheme: "https",
        context: Vec::new(),
        trace: None,
    };
    let needs = Needs {
        path: true,
        ..Needs::default()
    };
    let facts = Facts::read(&request, needs, Ambiguities::default());
    facts.is_ok_and(|facts| matches!(facts.path, MatchedPath::Plain(_)))
}

fn judge(target: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(target);
    match Path::parse(target) {
        Path::Plain(segments) => {
            let own: Vec<Vec<u8>> = segments
                .iter()
                .map(|segment| segment.as_bytes().to_vec())
                .collect();
            for (reader, reading) in [
                ("RFC 3986", rfc3986(target)),
                ("merging slashes", merging(target)),
                ("servlet", servlet(target)),
                ("suspicious", suspicious(target)),
            ] {
                assert_eq!(reading.as_ref(), Some(&own), "{reader}: {shown}");
            }
            for segment in &segments {
                assert!(
                    !segment.is_empty() && segment != "." && segment != "..",
                    "{shown}"
                );
                assert!(!segment.chars().any(char::is_control), "{shown}");
            }
            true
        }
        Path::Ambiguous(kinds, _) => {
            assert!(!is_simple(target), "{kinds:?}: {shown}");
            assert!(!kinds.is_empty(), "{shown}");
            false
        }
        Path::Unreadable => {
            assert!(!is_simple(target), "{shown}");
            false
        }
    }
}

/// Whether every reader reads the path as it stands there: a refusal of it would be an outage.
fn is_simple(target: &[u8]) -> bool {
    let path = target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    let Some(below_root) = path.strip_prefix(b"/") else {
        return false;
    };
    let below_root = below_root.strip_suffix(b"/").unwrap_or(below_root);
    below_root.is_empty() && path != b"//"
        || below_root.split(|byte| *byte == b'/').all(|segment| {
            !segment.is_empty()
                && segment != b"."
                && segment != b".."
                && segment
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(byte))
        })
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        "/a/b%20c/d?x=/../y",
        "/a/../b",
        "/a/%2e%2E/b",
        "/a//b/",
        "/a%2fb",
        "/a\\b%5cc",
        "/a%252fb%252e%252e",
        "/a;x=1/..;/b",
        "/a%3bx%3Fy%23z#w",
        "/a%zz%4",
        "/%c3%a9/\u{e9}",
        "/%c2%85/%00",
        "*",
        "//",
        "/.../..a/.b",
        "/a/..%253b/b",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
