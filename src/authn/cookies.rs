//! Cookies as every server may split them: at `;`, and at `,` where a proxy joined two headers by one.

use crate::authn::sources::trimmed;
use crate::request::Headers;

/// The values of a cookie that could be tokens: three parts with dots between them.
pub fn values<'r>(name: &str, headers: &Headers<'r>) -> Vec<&'r [u8]> {
    let cookies = headers
        .all("cookie")
        .flat_map(|value| value.split(is_separator));
    cookies
        .filter_map(|cookie| value_of(name, cookie))
        .filter(|value| has_three_parts(value))
        .collect()
}

/// What is left of all cookies without those that carry the token; `None` if nothing is, or if it is no text that
/// could be sent on as it came.
pub fn without(name: &str, token: &[u8], headers: &Headers<'_>) -> Option<String> {
    let mut left: Vec<u8> = Vec::new();
    for value in headers.all("cookie") {
        let kept = without_in(name, token, value);
        if !kept.is_empty() {
            if !left.is_empty() {
                left.extend_from_slice(b"; ");
            }
            left.extend_from_slice(&kept);
        }
    }
    String::from_utf8(left).ok().filter(|left| !left.is_empty())
}

/// Each cookie that goes takes the separator after it along, the last one that before it.
fn without_in(name: &str, token: &[u8], value: &[u8]) -> Vec<u8> {
    let mut kept: Vec<u8> = Vec::new();
    let mut rest = value;
    loop {
        let end = rest.iter().position(is_separator);
        let cookie = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let carries = value_of(name, cookie) == Some(token);
        if !carries {
            let with_separator = end.map_or(rest.len(), |end| end + 1);
            kept.extend_from_slice(rest.get(..with_separator).unwrap_or_default());
        }
        match end {
            Some(end) => rest = rest.get(end + 1..).unwrap_or_default(),
            None => break,
        }
        if carries && kept.is_empty() {
            rest = trimmed_start(rest);
        }
    }
    while kept
        .last()
        .is_some_and(|last| is_separator(last) || matches!(last, b' ' | b'\t'))
        && !value.ends_with(&kept)
    {
        kept.pop();
    }
    kept
}

fn value_of<'r>(name: &str, cookie: &'r [u8]) -> Option<&'r [u8]> {
    let equals = cookie.iter().position(|byte| *byte == b'=')?;
    let (own, value) = cookie.split_at_checked(equals)?;
    (trimmed(own) == name.as_bytes()).then(|| trimmed(value.get(1..).unwrap_or_default()))
}

fn has_three_parts(value: &[u8]) -> bool {
    value.iter().filter(|byte| **byte == b'.').count() == 2
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b';' | b',')
}

fn trimmed_start(value: &[u8]) -> &[u8] {
    let start = value
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t'))
        .unwrap_or(value.len());
    value.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::without;
    use crate::request::{Completeness, Headers};

    #[test]
    fn a_token_is_taken_out_and_the_rest_kept() {
        let left = |values: &[&[u8]]| {
            let headers = Headers::new(
                values.iter().map(|value| ("cookie", *value)),
                Completeness::Complete,
            );
            without("s", b"a.b.c", &headers)
        };
        assert_eq!(left(&[b"s=a.b.c"]), None);
        assert_eq!(left(&[b"s=a.b.c; x=1"]).as_deref(), Some("x=1"));
        assert_eq!(left(&[b"x=1; s=a.b.c"]).as_deref(), Some("x=1"));
        assert_eq!(
            left(&[b"x=1; s=a.b.c; y=\"2\""]).as_deref(),
            Some("x=1; y=\"2\"")
        );
        assert_eq!(left(&[b"x=1,s=a.b.c; y=2"]).as_deref(), Some("x=1, y=2"));
        assert_eq!(left(&[b"s=a.b.c; s=a.b.c"]), None);
        assert_eq!(left(&[b"s=other; x=1"]).as_deref(), Some("s=other; x=1"));
        assert_eq!(
            left(&[b"x=1; s=a.b.c", b"y=2"]).as_deref(),
            Some("x=1; y=2")
        );
        assert_eq!(
            left(&[b"x=\xff; s=a.b.c"]),
            None,
            "what cannot be sent on as it came is removed whole"
        );
    }
}
