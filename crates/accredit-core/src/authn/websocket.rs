//! Tokens in `sec-websocket-protocol`, where browsers put them: they can set no other header of a WebSocket handshake.
//!
//! For the protocol `bearer`, both `bearer, TOKEN` and `bearer.TOKEN` carry a token.

use crate::authn::header_value::{expressible, trimmed};

/// The header that carries the list.
pub const HEADER: &str = "sec-websocket-protocol";

pub fn tokens<'r>(protocol: &str, list: &'r [u8]) -> Vec<&'r [u8]> {
    read(&[protocol], list)
        .into_iter()
        .filter_map(|element| element.token)
        .collect()
}

/// The list without the elements that carry the token, and without the protocol before such an element. `None` if
/// nothing is left.
pub fn without(protocols: &[&str], token: &[u8], list: &[u8]) -> Option<String> {
    let kept: Vec<&str> = read(protocols, list)
        .into_iter()
        .filter(|element| element.token != Some(token))
        .flat_map(|element| [element.marker, Some(element.text)])
        .flatten()
        .filter_map(expressible)
        .collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

/// An element of the list, together with the protocol that announces it as a token.
struct Element<'r> {
    marker: Option<&'r [u8]>,
    text: &'r [u8],
    token: Option<&'r [u8]>,
}

fn read<'r>(protocols: &[&str], list: &'r [u8]) -> Vec<Element<'r>> {
    let mut elements = Vec::new();
    let mut marker = None;
    let texts = list
        .split(|byte| *byte == b',')
        .map(trimmed)
        .filter(|text| !text.is_empty());
    for text in texts {
        if marker.is_none() && protocols.iter().any(|protocol| protocol.as_bytes() == text) {
            marker = Some(text);
            continue;
        }
        let marker = marker.take();
        let token = match marker {
            Some(_) => Some(text),
            None => protocols.iter().find_map(|protocol| {
                text.strip_prefix(protocol.as_bytes())?
                    .strip_prefix(b".")
                    .filter(|token| !token.is_empty())
            }),
        };
        elements.push(Element {
            marker,
            text,
            token,
        });
    }
    elements.extend(marker.map(|text| Element {
        marker: None,
        text,
        token: None,
    }));
    elements
}

#[cfg(test)]
mod tests {
    use super::{tokens, without};

    #[test]
    fn websocket_protocols_with_a_token_are_found_and_removed() {
        let cases: &[(&str, &[&str], Option<&str>)] = &[
            ("bearer, a.b.c", &["a.b.c"], None),
            ("bearer,a.b.c,chat", &["a.b.c"], Some("chat")),
            ("chat , bearer.a.b.c", &["a.b.c"], Some("chat")),
            ("bearer.a.b.c, bearer, a.b.c", &["a.b.c", "a.b.c"], None),
            ("bearer, d.e.f, x", &["d.e.f"], Some("bearer, d.e.f, x")),
            ("bearer, , a.b.c", &["a.b.c"], None),
            (
                "bearer, bearer.a.b.c",
                &["bearer.a.b.c"],
                Some("bearer, bearer.a.b.c"),
            ),
            ("chat, bearer", &[], Some("chat, bearer")),
            ("bearer.", &[], Some("bearer.")),
            ("bearerx, a.b.c", &[], Some("bearerx, a.b.c")),
            ("Bearer, a.b.c", &[], Some("Bearer, a.b.c")),
            ("", &[], None),
        ];
        for (list, found, left) in cases {
            let found: Vec<&[u8]> = found.iter().map(|token| token.as_bytes()).collect();
            assert_eq!(tokens("bearer", list.as_bytes()), found, "{list}");
            assert_eq!(
                without(&["bearer"], b"a.b.c", list.as_bytes()).as_deref(),
                *left,
                "{list}"
            );
        }
        let without = |list| without(&["p", "q"], b"a", list);
        assert_eq!(without(b"p.a, \xff, x").as_deref(), Some("x"));
        assert_eq!(without(b"p.a, q, a, q.b").as_deref(), Some("q.b"));
    }
}
