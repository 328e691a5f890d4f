//! Cookies, split as any server may split them: at `;`, and at `,` where a proxy joined two headers.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use percent_encoding::percent_decode;

use crate::authn::header_value::{expressible, trimmed};
use crate::request::Headers;

/// What is left of the cookies of a request without those that carry its token.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RemainingCookies {
    /// The new value of `cookie`. `None` if nothing is left.
    pub value: Option<String>,
    /// How many other cookies are left out, because an answer cannot express their bytes.
    pub dropped: usize,
}

/// Counts the cookies that were dropped with a token, and warns about the first.
#[derive(Debug, Default)]
pub struct DroppedCookies(AtomicU64);

impl DroppedCookies {
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn add(&self, dropped: usize) {
        if dropped > 0 && self.0.fetch_add(dropped as u64, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "removing a token drops other cookies: they are not UTF-8 or have control characters, and an answer to \
                 Envoy cannot express them"
            );
        }
    }
}

/// The values of a cookie that could be tokens. If several differ, those that no reader could take for a JWT are left
/// out (CONTRACT 4.3.11).
pub fn tokens<'r>(name: &str, headers: &Headers<'r>) -> Vec<&'r [u8]> {
    let mut values: Vec<&[u8]> = headers
        .all("cookie")
        .flat_map(|value| value.split(is_separator))
        .filter_map(|cookie| value_of(cookie, &[name]))
        .filter(|value| has_three_parts(value))
        .collect();
    let differ = values.windows(2).any(|pair| pair.first() != pair.last());
    if differ && values.iter().any(|value| resembles_jwt(value)) {
        values.retain(|value| resembles_jwt(value));
    }
    values
}

/// Removes each cookie of these names that carries the token. Every other cookie keeps its bytes.
pub fn without(names: &[&str], token: &[u8], headers: &Headers<'_>) -> RemainingCookies {
    let mut left = String::new();
    let mut is_any_left = false;
    let mut dropped = 0;
    for value in headers.all("cookie") {
        // The separator between the last cookie that is kept and the next one. Where cookies between them are removed,
        // `;` wins over `,`: a server that splits at `;` alone must still see two cookies.
        let mut separator = b';';
        let mut is_first = true;
        let mut rest = Some(value);
        while let Some(current) = rest {
            let end = current.iter().position(is_separator);
            let cookie = current
                .get(..end.unwrap_or(current.len()))
                .unwrap_or_default();
            let text = expressible(cookie);
            let carries_token = value_of(cookie, names) == Some(token);
            if let (Some(text), false) = (text, carries_token) {
                if !is_first {
                    left.push(char::from(separator));
                    left.push_str(text);
                } else if left.is_empty() {
                    left.push_str(text.trim_start_matches([' ', '\t']));
                } else {
                    left.push_str("; ");
                    left.push_str(text.trim_start_matches([' ', '\t']));
                }
                is_first = false;
                is_any_left |= !trimmed(cookie).is_empty();
                separator = b',';
            } else if !carries_token {
                dropped += 1;
            }
            rest = end.and_then(|end| {
                if current.get(end) == Some(&b';') {
                    separator = b';';
                }
                current.get(end + 1..)
            });
        }
    }
    RemainingCookies {
        value: is_any_left.then_some(left),
        dropped,
    }
}

/// The value of a cookie that has one of these names, without double quotes around it.
fn value_of<'r>(cookie: &'r [u8], names: &[&str]) -> Option<&'r [u8]> {
    let equals = cookie.iter().position(|byte| *byte == b'=')?;
    let (own, value) = cookie.split_at_checked(equals)?;
    let own = trimmed(own);
    if names.iter().all(|name| name.as_bytes() != own) {
        return None;
    }
    let value = trimmed(value.get(1..)?);
    let unquoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    Some(unquoted.unwrap_or(value))
}

/// Many servers percent-decode cookies, so that an encoded dot is one too.
fn has_three_parts(value: &[u8]) -> bool {
    let dots = |value: &[u8]| value.iter().filter(|byte| **byte == b'.').count();
    dots(value) == 2 || value.contains(&b'%') && dots(&decoded(value)) == 2
}

/// Whether a careless reader could decode a header or claims from this. What such a reader could take for a token must
/// not be ignored: the upstream may read it instead of the token that was verified.
fn resembles_jwt(value: &[u8]) -> bool {
    decoded(value)
        .split(|byte| *byte == b'.')
        .take(2)
        .any(begins_json_object)
}

fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    percent_decode(value).into()
}

/// Whether the text is base64 or base64url of something that begins with `{`, if characters of neither alphabet, a
/// byte-order mark and white space are skipped, as some decoders do.
fn begins_json_object(text: &[u8]) -> bool {
    let mut bits = 0_u32;
    let mut count = 0_u32;
    let digits = text.iter().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    });
    for digit in digits {
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            match (bits >> count) & 0xff {
                0x09 | 0x0a | 0x0d | 0x20 | 0xef | 0xbb | 0xbf => {}
                first => return first == u32::from(b'{'),
            }
        }
    }
    false
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b';' | b',')
}

#[cfg(test)]
mod tests;
