//! The names of headers that accredit may set or remove, and what else an upstream may take for them.

use std::fmt;
use std::sync::Arc;

/// A header name that accredit may set or remove: a lower-case token (RFC 9110 section 5.6.2), none that carries
/// the request itself.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderName(Arc<str>);

/// The beginning of header names that are removed; not empty, and covering none that carries the request itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderPrefix(Arc<str>);

/// Why a text cannot name a header that we set or remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Not an RFC 9110 token.
    NotAToken,
    /// The request itself, its framing, its credential or the proxy's own trust depends on it.
    Reserved,
}

const RESERVED: [&str; 14] = [
    "host",
    "authorization",
    "cookie",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "forwarded",
    "x-request-id",
    "traceparent",
    "tracestate",
];

const RESERVED_PREFIXES: [&str; 4] = ["content-", "proxy-", "x-forwarded-", "x-envoy-"];

impl HeaderName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn parse(text: &str) -> Result<HeaderName, NameError> {
        let name = token(text)?;
        let reserved = RESERVED.iter().any(|reserved| look_alike(&name, reserved))
            || RESERVED_PREFIXES
                .iter()
                .any(|prefix| looks_covered(&name, prefix));
        if reserved {
            Err(NameError::Reserved)
        } else {
            Ok(HeaderName(name.into()))
        }
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an upstream could take one for the other.
    pub fn looks_like(&self, name: &str) -> bool {
        look_alike(&self.0, name)
    }
}

impl HeaderPrefix {
    /// Reads a prefix, without its `*`.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn parse(text: &str) -> Result<HeaderPrefix, NameError> {
        let prefix = token(text)?;
        let reserved = RESERVED
            .iter()
            .chain(&RESERVED_PREFIXES)
            .any(|reserved| looks_covered(reserved, &prefix))
            || RESERVED_PREFIXES
                .iter()
                .any(|reserved| looks_covered(&prefix, reserved));
        if reserved {
            Err(NameError::Reserved)
        } else {
            Ok(HeaderPrefix(prefix.into()))
        }
    }

    /// Whether an upstream could take the name for one that the prefix covers.
    pub fn covers(&self, name: &str) -> bool {
        looks_covered(name, &self.0)
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameError::NotAToken => "not a header name",
            NameError::Reserved => "a header that carries the request itself, or looks like one",
        })
    }
}

/// Equal once every character other than a letter or digit is read as `-`, as CGI-style servers confuse them.
pub fn look_alike(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().map(folded).eq(other.bytes().map(folded))
}

/// Whether the name, so read, begins with the prefix, so read.
fn looks_covered(name: &str, prefix: &str) -> bool {
    name.len() >= prefix.len()
        && prefix
            .bytes()
            .map(folded)
            .eq(name.bytes().take(prefix.len()).map(folded))
}

fn folded(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}

fn token(text: &str) -> Result<String, NameError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err(NameError::NotAToken);
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{HeaderName, HeaderPrefix, NameError, look_alike};

    #[test]
    fn names_are_tokens_and_none_that_carries_the_request() {
        for name in [
            "x-jwt-sub",
            "X-JWT-Sub",
            "x_custom",
            "x-requested-with",
            "contents",
            "hosts",
            "tea",
        ] {
            assert_eq!(
                HeaderName::parse(name).map(|name| name.to_string()),
                Ok(name.to_lowercase())
            );
        }
        for name in ["", ":path", "x y", "x:y", "é", "x\n", "x,y"] {
            assert_eq!(
                HeaderName::parse(name),
                Err(NameError::NotAToken),
                "{name:?}"
            );
        }
        for name in [
            "host",
            "Authorization",
            "cookie",
            "content-length",
            "content_type",
            "x_forwarded_for",
            "x-envoy-anything",
            "te",
            "keep.alive",
            "x~request~id",
            "traceparent",
            "proxy-authorization",
            "forwarded",
            "upgrade",
            "expect",
        ] {
            assert_eq!(HeaderName::parse(name), Err(NameError::Reserved), "{name}");
        }
    }

    #[test]
    fn prefixes_cover_nothing_reserved() {
        for prefix in [
            "x-jwt-",
            "x-",
            "h",
            "content",
            "c",
            "x_envoy_foo",
            "trace",
            "proxy-x",
        ] {
            let expected = if prefix == "x-jwt-" {
                Ok(())
            } else {
                Err(NameError::Reserved)
            };
            assert_eq!(
                HeaderPrefix::parse(prefix).map(|_| ()),
                expected,
                "{prefix}"
            );
        }
        assert_eq!(
            HeaderPrefix::parse("").map(|_| ()),
            Err(NameError::NotAToken)
        );
        let prefix = HeaderPrefix::parse("X-Jwt-").expect("is a prefix");
        for name in ["x-jwt-sub", "x_jwt_sub", "x.jwt~", "x-jwt-"] {
            assert!(prefix.covers(name), "{name}");
        }
        for name in ["x-jwt", "xjwt-sub", "y-jwt-sub"] {
            assert!(!prefix.covers(name), "{name}");
        }
    }

    #[test]
    fn look_alikes_differ_in_separators_alone() {
        for other in [
            "x-jwt-sub",
            "x_jwt_sub",
            "x-jwt_sub",
            "x.jwt.sub",
            "x~jwt~sub",
            "X-JWT-SUB",
        ] {
            assert!(look_alike("x-jwt-sub", other), "{other}");
        }
        for other in ["xjwtsub", "x-jwt--sub", "x-jwt-suc", "x-jwt-sub-"] {
            assert!(!look_alike("x-jwt-sub", other), "{other}");
        }
    }
}
