//! Cookies, split at every separator that a server can use: at `;`, and at `,` where a proxy joined two headers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::authn::header_value::{expressible, trimmed};
use crate::authn::jwt_like::has_three_parts;
use crate::request::Headers;

/// The cookies of a request without those that carry its token.
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

/// The values of a cookie that are tokens: those of three parts (CONTRACT 4.3.7). Others are ignored (CONTRACT 4.3.11), but
/// `hidden_tokens` refuses those that resemble a JWT.
pub fn tokens<'r>(name: &str, headers: &Headers<'r>) -> Vec<&'r [u8]> {
    headers
        .all("cookie")
        .flat_map(|value| value.split(is_separator))
        .filter_map(|cookie| value_of(cookie, &[name]))
        .filter(|value| has_three_parts(value))
        .collect()
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

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b';' | b',')
}

#[cfg(test)]
mod tests;
