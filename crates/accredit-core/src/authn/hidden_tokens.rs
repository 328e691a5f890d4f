//! Tokens that accredit does not read, but that an upstream may read: in a header, cookie or query parameter whose name
//! only some servers treat as the name of a token source, or in a value that only some servers read as a JWT.
//!
//! A request with such a token is refused (CONTRACT 4.2, an ambiguous credential): behind a verified token, or on an
//! `optional` rule without any, the upstream could believe a token that nothing verified. Only values that resemble a JWT
//! count, so that other cookies and parameters pass, whatever their names are.

use std::borrow::Cow;

use crate::authn::header_value::{is_blank, trimmed};
use crate::authn::jwt_like::{decoded, has_three_parts, resembles_jwt};
use crate::authn::query;
use crate::forward::header_name::look_alike;
use crate::request::{Headers, Request};

/// The names of the token sources.
#[derive(Clone, Debug, Default)]
pub struct SourceNames {
    /// In lower case.
    headers: Vec<String>,
    /// Those of `headers` that have look-alikes.
    with_look_alikes: Vec<String>,
    pub cookies: Vec<String>,
    pub parameters: Vec<String>,
}

impl SourceNames {
    /// Adds a header in lower case.
    pub fn add_header(&mut self, name: &str) {
        // A name of letters and digits has no other look-alike, because names are in lower case.
        if name.bytes().any(|byte| !byte.is_ascii_alphanumeric()) {
            self.with_look_alikes.push(name.to_owned());
        }
        self.headers.push(name.to_owned());
    }

    /// Whether the request has a token that only an upstream would read.
    pub fn hide_token(&self, request: &Request<'_>) -> bool {
        self.in_headers(&request.headers)
            || self.in_cookies(&request.headers)
            || !self.parameters.is_empty() && self.in_query(request.target())
    }

    /// CGI-style servers confuse `x-api-token` and `x_api_token` (CONTRACT 4.9.6).
    fn in_headers(&self, headers: &Headers<'_>) -> bool {
        self.with_look_alikes.iter().any(|source| {
            headers.iter().any(|(name, value)| {
                look_alike(source, name)
                    && self.headers.iter().all(|own| own != name)
                    && value
                        .split(|byte| is_blank(*byte) || *byte == b',')
                        .any(resembles_jwt)
            })
        })
    }

    fn in_cookies(&self, headers: &Headers<'_>) -> bool {
        !self.cookies.is_empty()
            && headers.all("cookie").any(|value| {
                let starts = std::iter::successors(Some(value), |rest| {
                    let end = rest.iter().position(|byte| *byte == b';')?;
                    rest.get(end + 1..)
                });
                starts.into_iter().any(|rest| self.in_cookie(rest))
            })
    }

    /// Examines the first cookie of `rest`, which is the header from that cookie on. The cookie ends at `;`. Some
    /// servers also end it at `,`, at white space, or, if its value begins with a quote, at the next quote only. Each
    /// of these readings is examined once, in time linear in its length.
    fn in_cookie(&self, rest: &[u8]) -> bool {
        let cookie = rest.split(|byte| *byte == b';').next().unwrap_or_default();
        let is_hidden_in_whole = pair(cookie).is_some_and(|(name, value)| {
            if !self.is_cookie(name) {
                return is_read_as(name, &self.cookies) && resembles_jwt(value);
            }
            // The text that accredit reads as a token ends at the first comma. A server that does not stop there reads
            // the same header and claims.
            let own = value.split(|byte| *byte == b',').next().unwrap_or_default();
            quotes_hide_token(value, rest) || !has_three_parts(own) && resembles_jwt(value)
        });
        is_hidden_in_whole
            || cookie.split(|byte| *byte == b',').any(|cookie| {
                pair(cookie).is_some_and(|(name, value)| {
                    let is_read = self.is_cookie(name) && has_three_parts(value);
                    !is_read && is_read_as(name, &self.cookies) && resembles_jwt(value)
                })
            })
            || pairs_after_blanks(cookie)
                .any(|(name, value)| is_read_as(name, &self.cookies) && resembles_jwt(value))
    }

    /// Whether accredit reads the cookie of this name.
    fn is_cookie(&self, name: &[u8]) -> bool {
        self.cookies.iter().any(|own| own.as_bytes() == name)
    }

    /// Some servers separate parameters at `;` too.
    fn in_query(&self, target: &[u8]) -> bool {
        query::parameters(target).any(|parameter| {
            let is_hidden_in_whole = pair(parameter).is_some_and(|(name, value)| {
                let is_read = self.parameters.iter().any(|own| query::is_named(name, own));
                !is_read && is_read_as(name, &self.parameters) && resembles_jwt(value)
            });
            is_hidden_in_whole
                || parameter
                    .split(|byte| *byte == b';')
                    .skip(1)
                    .filter_map(pair)
                    .any(|(name, value)| is_read_as(name, &self.parameters) && resembles_jwt(value))
        })
    }
}

/// The name and the value, without white space around them.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = text.split_at_checked(equals)?;
    Some((trimmed(name), trimmed(value.get(1..)?)))
}

/// The names and values that Python and old versions of Tomcat read, because they separate cookies at white space.
fn pairs_after_blanks(cookie: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let equals = (0..cookie.len()).filter(move |at| cookie.get(*at) == Some(&b'='));
    equals.filter_map(move |at| {
        let before = trimmed_end(cookie.get(..at)?);
        let start = before
            .iter()
            .rposition(|byte| is_blank(*byte) || *byte == b'=')?;
        // A name at the begin of a cookie is read as every cookie, and a word after the first `=` of a cookie is its
        // value. An `=` inside a value (`YWI=`) does not continue it.
        if before.get(start) == Some(&b'=') {
            return None;
        }
        let (last, previous) = trimmed_end(before.get(..start)?).split_last()?;
        if *last == b',' || *last == b'=' && !word_at_end(previous).contains(&b'=') {
            return None;
        }
        let value = cookie.get(at + 1..)?;
        let first = value.iter().position(|byte| !is_blank(*byte))?;
        let value = value.get(first..)?.split(|byte| is_blank(*byte)).next()?;
        Some((before.get(start + 1..)?, value))
    })
}

/// The text after the last white space or comma, without white space at the end.
fn word_at_end(text: &[u8]) -> &[u8] {
    let words = trimmed_end(text).rsplit(|byte| is_blank(*byte) || *byte == b',');
    words.into_iter().next().unwrap_or_default()
}

fn trimmed_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_blank(*byte));
    text.get(..end.map_or(0, |last| last + 1))
        .unwrap_or_default()
}

/// Whether a server that follows RFC 2109 reads a token from a value in quotes that accredit does not read there. To such a
/// server (Python, old versions of Tomcat) `\056` is a dot, and a value without a closing quote continues behind `;`.
///
/// `rest` is the header from the cookie on. Its first quote opens the value, because the name of a source has none. The next
/// value that begins with a quote ends the search, so that a header full of open quotes takes linear time.
fn quotes_hide_token(value: &[u8], rest: &[u8]) -> bool {
    let Some(inside) = value.strip_prefix(b"\"") else {
        return false;
    };
    if inside.strip_suffix(b"\"").is_some() && !inside.contains(&b'\\') {
        return false;
    }
    let opening = rest.iter().position(|byte| *byte == b'"');
    let quoted = opening.and_then(|at| rest.get(at + 1..));
    resembles_jwt(&unquoted(quoted.unwrap_or_default()))
}

/// The text before the closing quote, or all of it, without the escapes of RFC 2109 (`\"`) and Python (`\056`).
fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut unquoted = vec![];
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'"' => break,
            b'\\' => {
                let octal = after.first_chunk().and_then(octal_octet);
                let octet = octal.or(after.first().copied());
                unquoted.extend(octet);
                rest = after.get(octal.map_or(1, |_| 3)..).unwrap_or_default();
            }
            _ => unquoted.push(first),
        }
    }
    unquoted
}

fn octal_octet(digits: &[u8; 3]) -> Option<u8> {
    u8::try_from(number(digits, 8)?).ok()
}

/// The value of digits. Unlike `from_str_radix`, it accepts no sign: servers read `\+56` and `%u+061` as text.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0, |value: u32, digit| {
        value
            .checked_mul(radix)?
            .checked_add(char::from(*digit).to_digit(radix)?)
    })
}

/// Whether some server reads the name as one of `names`. PHP drops leading spaces, ends a name at a zero byte and at `[`,
/// and reads a space, `.` and `[` as `_`. Rails and Node read `a[]` and `[a]` as `a`. ASP.NET ignores case and decodes
/// `%u0061`. Python and Node drop white space that is not ASCII. Others decode names.
fn is_read_as(name: &[u8], names: &[String]) -> bool {
    if names.is_empty() {
        return false;
    }
    let name = without_utf16_escapes(decoded(name));
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let base = name.split(|byte| is_bracket(*byte));
    let base = base.into_iter().find(|part| folds(part).next().is_some());
    names.iter().any(|own| {
        let own = || folds(own.as_bytes());
        own().eq(folds(trimmed_of_spaces(name)))
            || base.is_some_and(|base| own().eq(folds(trimmed_of_spaces(base))))
    })
}

fn is_bracket(byte: u8) -> bool {
    matches!(byte, b'[' | b']')
}

/// The text with the escapes decoded that only ASP.NET decodes: `%u0061` becomes `a`.
fn without_utf16_escapes(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let is_escape = |pair: &[u8]| matches!(pair, [b'%', b'u' | b'U']);
    if !text.windows(2).any(is_escape) {
        return text;
    }
    let mut plain = vec![];
    let mut rest = text.as_ref();
    while let Some((&first, after)) = rest.split_first() {
        let unit = rest
            .get(2..6)
            .filter(|_| rest.get(..2).is_some_and(is_escape));
        let unit = unit.and_then(|digits| number(digits, 16));
        // Names of sources are ASCII in practice: another character cannot make a name equal to one of them.
        plain.push(unit.map_or(first, |unit| u8::try_from(unit).unwrap_or(b'?')));
        rest = match unit {
            Some(_) => rest.get(6..).unwrap_or_default(),
            None => after,
        };
    }
    Cow::Owned(plain)
}

fn trimmed_of_spaces(name: &[u8]) -> &[u8] {
    // White space that is not ASCII, and control characters, have no effect at the ends of a name.
    let is_part = |byte: &u8| byte.is_ascii_graphic() && *byte != b'+';
    let start = name.iter().position(is_part);
    let end = name.iter().rposition(is_part);
    match (start, end) {
        (Some(start), Some(end)) => name.get(start..=end).unwrap_or_default(),
        _ => &[],
    }
}

/// The characters of a name that servers compare, folded as the most lenient of them fold it.
fn folds(name: &[u8]) -> impl Iterator<Item = u8> {
    let is_compared = |byte: &u8| byte.is_ascii() && !byte.is_ascii_control();
    name.iter().copied().filter(is_compared).map(folded)
}

fn folded(byte: u8) -> u8 {
    match byte {
        b' ' | b'+' | b'.' | b'[' => b'_',
        _ => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests;
