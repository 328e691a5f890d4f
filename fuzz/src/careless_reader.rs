//! A reader that takes for a token whatever could be one in a token source.

use std::borrow::Cow;

use accredit_core::authn::token_source::TokenSource;
use percent_encoding::percent_decode;

/// A header of a request.
pub type Header = (String, Vec<u8>);

/// Every text that a careless reader takes for the token of a source.
pub fn readings(source: &TokenSource, path: &str, headers: &[Header]) -> Vec<Vec<u8>> {
    let values = |header: &str| -> Vec<&[u8]> {
        let own = headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(header));
        own.map(|(_, value)| value.as_slice()).collect()
    };
    let mut found: Vec<Vec<u8>> = Vec::new();
    match source {
        TokenSource::Scheme { header, scheme } => {
            for part in values(header)
                .iter()
                .flat_map(|value| value.split(|byte| *byte == b','))
            {
                let Some((own, rest)) = trimmed(part).split_at_checked(scheme.len()) else {
                    continue;
                };
                // With a letter or digit directly behind it, it is another scheme.
                let is_longer = rest.first().is_some_and(u8::is_ascii_alphanumeric);
                if own.eq_ignore_ascii_case(scheme.as_bytes()) && !is_longer {
                    found.push(trimmed(rest).to_vec());
                }
            }
        }
        TokenSource::Header(header) => {
            found.extend(values(header).iter().map(|value| trimmed(value).to_vec()))
        }
        TokenSource::Cookie(name) => {
            for cookie in values("cookie")
                .iter()
                .flat_map(|value| value.split(|byte| b";,".contains(byte)))
            {
                found.extend(value_of(cookie, b'=', |own| {
                    trimmed(own) == name.as_bytes()
                }));
            }
        }
        TokenSource::Query(name) => {
            let query = path.split_once('?').map_or("", |(_, query)| query);
            for parameter in query.split('&') {
                let is_own =
                    |own: &[u8]| Cow::from(percent_decode(own)).as_ref() == name.as_bytes();
                found.extend(
                    parameter
                        .as_bytes()
                        .iter()
                        .position(|byte| *byte == b'=')
                        .and_then(|equals| {
                            let (own, value) = parameter.as_bytes().split_at(equals);
                            is_own(own).then(|| value[1..].to_vec())
                        }),
                );
            }
        }
        TokenSource::Protocol(protocol) => {
            for list in values("sec-websocket-protocol") {
                let elements: Vec<&[u8]> = list
                    .split(|byte| *byte == b',')
                    .map(trimmed)
                    .filter(|element| !element.is_empty())
                    .collect();
                let announced = elements
                    .windows(2)
                    .filter(|pair| pair[0] == protocol.as_bytes())
                    .map(|pair| pair[1].to_vec());
                let dotted = elements.iter().filter_map(|element| {
                    Some(
                        element
                            .strip_prefix(protocol.as_bytes())?
                            .strip_prefix(b".")?
                            .to_vec(),
                    )
                });
                found.extend(announced.chain(dotted));
            }
        }
    }
    let decoded: Vec<Vec<u8>> = found
        .iter()
        .map(|text| percent_decode(text).collect())
        .collect();
    found.extend(decoded);
    found
}

fn value_of(text: &[u8], separator: u8, is_own: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let at = text.iter().position(|byte| *byte == separator)?;
    let value = trimmed(&text[at + 1..]);
    let unquoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    is_own(&text[..at]).then(|| unquoted.unwrap_or(value).to_vec())
}

pub fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
