//! Tokens that accredit does not read, and an upstream may: in a header, cookie or query parameter that only some servers
//! read as the one that is a token source, or in a value that only some servers read as a JWT.
//!
//! A request with such a token is refused (CONTRACT 4.2, an ambiguous credential): behind a verified token, or on an
//! `optional` rule without any, the upstream could believe a token that nothing verified. Only values that resemble a JWT
//! count, so that other cookies and parameters pass, whatever their names are.

use crate::authn::header_value::{is_blank, trimmed};
use crate::authn::jwt_like::{decoded, has_three_parts, resembles_jwt};
use crate::authn::query;
use crate::forward::header_name::look_alike;
use crate::request::{Headers, Request};

/// The names of the token sources.
#[derive(Clone, Debug, Default)]
pub struct SourceNames {
    /// In lower case.
    pub headers: Vec<String>,
    pub cookies: Vec<String>,
    pub parameters: Vec<String>,
}

impl SourceNames {
    /// Whether the request has a token that only an upstream would read.
    pub fn hide_token(&self, request: &Request<'_>) -> bool {
        self.in_headers(&request.headers)
            || self.in_cookies(&request.headers)
            || self.in_query(request.target())
    }

    /// CGI-style servers confuse `x-api-token` and `x_api_token` (CONTRACT 4.9.6).
    fn in_headers(&self, headers: &Headers<'_>) -> bool {
        // Names are in lower case, so a name of letters and digits has no other look-alike.
        let has_look_alikes =
            |name: &&String| name.bytes().any(|byte| !byte.is_ascii_alphanumeric());
        self.headers.iter().filter(has_look_alikes).any(|source| {
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
                value
                    .split(|byte| *byte == b';')
                    .any(|cookie| self.in_cookie(cookie))
            })
    }

    /// `cookie` has no `;`. Servers differ about where it ends: there only, also at `,`, or also at white space. Each of
    /// these readings is looked at once, in time linear in its length.
    fn in_cookie(&self, cookie: &[u8]) -> bool {
        let is_hidden_in_whole = pair(cookie).is_some_and(|(name, value)| {
            if !self.is_cookie(name) {
                return is_read_as(name, &self.cookies) && resembles_jwt(value);
            }
            // What accredit takes for a token ends at the first comma. A reader that does not stop there reads the same
            // header and claims.
            let own = value.split(|byte| *byte == b',').next().unwrap_or_default();
            has_foreign_quotes(value) || !has_three_parts(own) && resembles_jwt(value)
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
        let parameters = query::parameters(target).filter(|_| !self.parameters.is_empty());
        parameters.into_iter().any(|parameter| {
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

/// The names that stand after white space, as Python and old versions of Tomcat separate cookies, and their values, which
/// end at white space.
fn pairs_after_blanks(cookie: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let equals = (0..cookie.len()).filter(move |at| cookie.get(*at) == Some(&b'='));
    equals.filter_map(move |at| {
        let before = trimmed_end(cookie.get(..at)?);
        let start = before
            .iter()
            .rposition(|byte| is_blank(*byte) || *byte == b'=')?;
        // A name directly after another `=` is a part of its value, and one at the begin of a cookie is read as every cookie.
        if matches!(
            trimmed_end(before.get(..=start)?).last(),
            None | Some(b'=' | b',')
        ) {
            return None;
        }
        let value = cookie.get(at + 1..)?;
        let first = value.iter().position(|byte| !is_blank(*byte))?;
        let value = value.get(first..)?.split(|byte| is_blank(*byte)).next()?;
        Some((before.get(start + 1..)?, value))
    })
}

fn trimmed_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_blank(*byte));
    text.get(..end.map_or(0, |last| last + 1))
        .unwrap_or_default()
}

/// Whether servers read the quotes of the value differently: a value in quotes can have escapes of RFC 2109 (`\056` is a dot
/// to Python), and an open quote can reach beyond the next `;`. Neither occurs in an identifier or a number.
fn has_foreign_quotes(value: &[u8]) -> bool {
    match value.strip_prefix(b"\"") {
        Some(rest) => rest.strip_suffix(b"\"").is_none() || rest.contains(&b'\\'),
        None => false,
    }
}

/// Whether some server reads the name as one of `names`. PHP drops leading spaces, ends a name at a zero byte and at `[`,
/// and reads a space, `.` and `[` as `_`. Rails and Node read `a[]` as `a`. ASP.NET ignores case. Others decode names.
fn is_read_as(name: &[u8], names: &[String]) -> bool {
    if names.is_empty() {
        return false;
    }
    let name = decoded(name);
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let start = name.iter().position(|byte| !matches!(byte, b' ' | b'+'));
    let end = name.iter().rposition(|byte| !matches!(byte, b' ' | b'+'));
    let (Some(start), Some(end)) = (start, end) else {
        return false;
    };
    let name = name.get(start..=end).unwrap_or_default();
    let base = name.split(|byte| *byte == b'[').next().unwrap_or_default();
    names.iter().any(|own| {
        let own = || own.bytes().map(folded);
        own().eq(name.iter().copied().map(folded)) || own().eq(base.iter().copied().map(folded))
    })
}

fn folded(byte: u8) -> u8 {
    match byte {
        b' ' | b'+' | b'.' | b'[' => b'_',
        _ => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests;
