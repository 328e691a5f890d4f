//! Names of headers that accredit can set and remove, and their look-alikes.

use std::fmt;
use std::sync::Arc;

/// A header name that accredit can set and remove: a token (RFC 9110 section 5.6.2) in lower case that is not reserved
/// (CONTRACT 3.8.3).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderName(Arc<str>);

/// A prefix of header names that accredit removes. It is not empty and covers no reserved name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderPrefix(Arc<str>);

/// Why accredit cannot set or remove a header of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("this is not a header name")]
    NotAToken,
    /// The framing of the request, its credential, its routing or the trust of the proxy depends on the header.
    #[error("this header is reserved, or an upstream can mistake it for a reserved one")]
    Reserved,
}

const RESERVED: [&str; 24] = [
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
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "x-forwarded-by",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-client-cert",
    "x-request-id",
    "traceparent",
    "tracestate",
];

const RESERVED_PREFIXES: [&str; 3] = ["content-", "proxy-", "x-envoy-"];

impl HeaderName {
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

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an upstream can mistake one name for the other.
    pub(crate) fn looks_like(&self, name: &str) -> bool {
        look_alike(&self.0, name)
    }
}

impl HeaderPrefix {
    /// `text` is the prefix without the final `*`.
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

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the prefix covers the name, or an upstream can mistake the name for one that it covers.
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

/// Whether the names are equal once every character other than a letter or digit is read as `-`. CGI-style servers
/// confuse such names (CONTRACT 4.9.6).
pub(crate) fn look_alike(one: &str, other: &str) -> bool {
    one.len() == other.len() && are_folded_to_one(one.as_bytes(), other.as_bytes())
}

/// Whether texts of one length are equal once each character is folded.
fn are_folded_to_one(one: &[u8], other: &[u8]) -> bool {
    let mut both = one.iter().zip(other);
    both.all(|(one, other)| one == other || folded(*one) == folded(*other))
}

/// A bit that a prefix and the names that it covers have in common. Most other names have another bit. None for an empty name.
pub(crate) fn first_bit(name: &str) -> u64 {
    let first = name.bytes().next();
    first.map_or(0, |byte| 1 << (folded(byte) % 64))
}

/// A bit that look-alikes have in common: they have one length, and their last characters are folded to one. Most other names
/// have another bit.
pub(crate) fn shape_bit(name: &str) -> u64 {
    let last = name.bytes().next_back().map_or(0, folded);
    1 << ((name.len() + usize::from(last) * 5) % 64)
}

/// Whether the name begins with the prefix, both folded as in [`look_alike`].
fn looks_covered(name: &str, prefix: &str) -> bool {
    let begin = name.as_bytes().get(..prefix.len());
    begin.is_some_and(|begin| are_folded_to_one(begin, prefix.as_bytes()))
}

#[inline]
fn folded(byte: u8) -> u8 {
    // A table: this runs for every header of every request.
    #[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
    const FOLDED: [u8; 256] = {
        let mut folded = [b'-'; 256];
        let mut byte = 0;
        while byte < 128 {
            if (byte as u8).is_ascii_alphanumeric() {
                folded[byte] = (byte as u8).to_ascii_lowercase();
            }
            byte += 1;
        }
        folded
    };
    FOLDED.get(usize::from(byte)).copied().unwrap_or(b'-')
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
    fn header_names_are_tokens_that_are_not_reserved() {
        for name in [
            "x-jwt-sub",
            "X-JWT-Sub",
            "x_custom",
            "x-requested-with",
            "contents",
            "hosts",
            "tea",
            "x-forwarded-user",
            "x-forwarded-email",
            "x-forwarded-groups",
            "x-forwarded-preferred-username",
            "x-forwarded",
            "x-forwarded-format",
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
            "X-Forwarded-Host",
            "x-forwarded-port",
            "x.forwarded.proto",
            "x-forwarded-prefix",
            "x-forwarded-by",
            "x-forwarded-server",
            "x-forwarded-uri",
            "x-forwarded-method",
            "x-forwarded-client_cert",
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
    fn header_prefixes_cover_no_reserved_name() {
        for prefix in [
            "x-jwt-",
            "x-",
            "h",
            "content",
            "c",
            "x_envoy_foo",
            "trace",
            "proxy-x",
            "x-forwarded-",
            "x_forwarded_u",
            "x-forwarded-us",
            "x-forwarded-user",
        ] {
            let is_permitted = ["x-jwt-", "x-forwarded-us", "x-forwarded-user"].contains(&prefix);
            let expected = match is_permitted {
                true => Ok(()),
                false => Err(NameError::Reserved),
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
    fn look_alikes_differ_only_in_separators() {
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
