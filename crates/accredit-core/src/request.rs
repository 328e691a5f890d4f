//! The request that somebody wants admitted, whoever asked about it.

use std::borrow::Cow;

/// What is known of a request before it reaches the upstream.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method as it was sent.
    pub method: &'a str,
    /// The authority as it was sent.
    pub host: &'a str,
    /// The path with its query, as the proxy will route it.
    pub path: &'a str,
    /// The headers that the proxy shows.
    pub headers: Headers<'a>,
    /// The address of the connection's peer, without port; empty if unknown.
    pub source_address: &'a str,
    /// The peer's identity by its client certificate; empty if it showed none.
    pub source_principal: &'a str,
    /// The route's context, as the proxy's operator wrote it.
    pub context: Vec<(&'a str, &'a str)>,
}

/// Header names in lower case, values as bytes, repeated ones kept apart where the proxy shows them so.
pub struct Headers<'a> {
    entries: Vec<(Cow<'a, str>, &'a [u8])>,
    completeness: Completeness,
}

/// Whether the proxy shows every header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It does.
    Complete,
    /// It was told to show some: what is not shown can still reach the upstream.
    Filtered,
}

impl<'a> Headers<'a> {
    /// Takes headers as the proxy shows them.
    pub fn new(
        entries: impl Iterator<Item = (&'a str, &'a [u8])>,
        completeness: Completeness,
    ) -> Headers<'a> {
        let lower = |name: &'a str| {
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                Cow::Owned(name.to_ascii_lowercase())
            } else {
                Cow::Borrowed(name)
            }
        };
        Headers {
            entries: entries.map(|(name, value)| (lower(name), value)).collect(),
            completeness,
        }
    }

    /// Every value of a header, in order; `name` in lower case.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + use<'s, 'a> {
        self.entries
            .iter()
            .filter(move |(own, _)| own == name)
            .map(|(_, value)| *value)
    }

    /// Every header that is not a pseudo-header.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a [u8])> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_ref(), *value))
            .filter(|(name, _)| !name.starts_with(':'))
    }

    /// Every name that is not a pseudo-header.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .map(|(name, _)| name.as_ref())
            .filter(|name| !name.starts_with(':'))
    }

    /// Whether these are all of the request's headers.
    pub fn completeness(&self) -> Completeness {
        self.completeness
    }
}

impl std::fmt::Debug for Headers<'_> {
    /// Names alone: values may be credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.entries.iter().map(|(name, _)| name))
            .finish()
    }
}
