//! The request that a check is about, independent of the protocol that describes it.

use std::borrow::Cow;

use crate::trace::CheckTrace;

/// A request before it reaches the upstream.
#[derive(Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    /// `http` or `https`, as the proxy saw it; empty if unknown.
    pub scheme: &'a str,
    /// The authority as the client sent it.
    pub host: &'a str,
    /// The path with its query, as the proxy will route it.
    pub path: &'a str,
    /// The headers that the proxy sent.
    pub headers: Headers<'a>,
    /// The address of the connection's peer, without port; empty if unknown.
    pub source_address: &'a str,
    /// The principal of the peer's client certificate; empty if it has none.
    pub source_principal: &'a str,
    pub source_certificate: ClientCertificate<'a>,
    /// The context extensions of the route (`context_extensions` in Envoy).
    pub context: Vec<(&'a str, &'a str)>,
    /// The trace of the check, if it has one.
    pub trace: Option<&'a dyn CheckTrace>,
}

/// The client certificate of the connection's peer, as the proxy describes it. It is read only for a token that is bound to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificate<'a> {
    /// The peer has none, or the proxy does not send it.
    #[default]
    Absent,
    /// URL-encoded PEM, as ext_authz sends it.
    Pem(&'a str),
    /// The SHA-256 digest of its DER encoding in hexadecimal, as Envoy gives it to a dynamic module.
    Digest(&'a str),
}

impl<'a> ClientCertificate<'a> {
    /// A certificate as URL-encoded PEM. An empty text is an absent certificate.
    pub fn of_pem(pem: &'a str) -> ClientCertificate<'a> {
        match pem {
            "" => ClientCertificate::Absent,
            pem => ClientCertificate::Pem(pem),
        }
    }

    /// The digest of a certificate in hexadecimal. An empty text is an absent certificate.
    pub fn of_digest(digest: &'a str) -> ClientCertificate<'a> {
        match digest {
            "" => ClientCertificate::Absent,
            digest => ClientCertificate::Digest(digest),
        }
    }
}

impl<'a> Request<'a> {
    /// The path with its query, as the upstream receives it. Observed: Envoy writes bytes outside ASCII as `!` into the
    /// message's path, and forwards the original bytes. Only the raw `:path` header shows them.
    pub fn target(&self) -> &'a [u8] {
        let shown = self.path.as_bytes();
        self.headers
            .all(":path")
            .find(|raw| *raw != shown)
            .unwrap_or(shown)
    }
}

/// Header names in lower case, and values as bytes. Repeated headers are kept apart if the proxy sends them apart.
pub struct Headers<'a> {
    entries: Vec<(Cow<'a, str>, &'a [u8])>,
    completeness: Completeness,
}

/// Whether the proxy sent every header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    Complete,
    /// The operator limited the headers that the proxy sends. The other headers can still reach the upstream.
    Filtered,
}

impl<'a> Headers<'a> {
    pub fn new(
        entries: impl Iterator<Item = (&'a str, &'a [u8])>,
        completeness: Completeness,
    ) -> Headers<'a> {
        let mut headers = Headers::with_capacity(entries.size_hint().0);
        entries.for_each(|(name, value)| headers.push(name, value));
        headers.sent(completeness)
    }

    /// Headers with names in any case.
    pub fn of(
        mut entries: Vec<(Cow<'a, str>, &'a [u8])>,
        completeness: Completeness,
    ) -> Headers<'a> {
        for (name, _) in &mut entries {
            if has_uppercase(name) {
                name.to_mut().make_ascii_lowercase();
            }
        }
        Headers {
            entries,
            completeness,
        }
    }

    /// No headers, and room for this number of them. Until [`Headers::sent`] they count as limited by the operator.
    pub fn with_capacity(count: usize) -> Headers<'a> {
        Headers {
            entries: Vec::with_capacity(count),
            completeness: Completeness::Filtered,
        }
    }

    /// Adds a header.
    pub fn push(&mut self, name: &'a str, value: &'a [u8]) {
        let name = if has_uppercase(name) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        self.entries.push((name, value));
    }

    /// The same headers, of which the proxy sent every one or not.
    #[must_use]
    pub fn sent(self, completeness: Completeness) -> Headers<'a> {
        Headers {
            completeness,
            ..self
        }
    }

    /// Every value of a header, in order. `name` is in lower case.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + use<'s, 'a> {
        self.entries
            .iter()
            .filter(move |(own, _)| own == name)
            .map(|(_, value)| *value)
    }

    /// Every header, without pseudo-headers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a [u8])> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_ref(), *value))
            .filter(|(name, _)| !name.starts_with(':'))
    }

    /// The name of every header, without pseudo-headers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .map(|(name, _)| name.as_ref())
            .filter(|name| !name.starts_with(':'))
    }

    pub fn completeness(&self) -> Completeness {
        self.completeness
    }
}

impl std::fmt::Debug for Headers<'_> {
    /// Shows names only: values can be credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.entries.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Compares eight bytes at a time, because this runs for every header of every request.
fn has_uppercase(name: &str) -> bool {
    let name = name.as_bytes();
    let Some(last) = name.last_chunk() else {
        return match (name.first_chunk(), name.last_chunk()) {
            (Some([a, b, c, d]), Some([e, f, g, h])) => {
                has_uppercase_in([*a, *b, *c, *d, *e, *f, *g, *h])
            }
            _ => name.iter().any(u8::is_ascii_uppercase),
        };
    };
    let (blocks, _) = name.as_chunks();
    has_uppercase_in(*last) || blocks.iter().any(|block| has_uppercase_in(*block))
}

/// Sets the highest bit of each byte that is an upper-case letter: it is ASCII, not less than `A`, and not more than `Z`.
fn has_uppercase_in(block: [u8; 8]) -> bool {
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    const TO_A: u64 = u64::from_ne_bytes([0x80 - b'A'; 8]);
    const BEYOND_Z: u64 = u64::from_ne_bytes([0x7f - b'Z'; 8]);
    let block = u64::from_ne_bytes(block);
    // No sum of two bytes below 0x80 carries into the next byte.
    let ascii = block & !HIGHEST;
    (ascii + TO_A) & !(ascii + BEYOND_Z) & !block & HIGHEST != 0
}

/// An address without the zone of a link-local one.
pub fn without_zone(address: &str) -> &str {
    address
        .split_once('%')
        .map_or(address, |(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::{Completeness, Headers};

    #[test]
    fn header_names_of_every_length_are_put_into_lower_case() {
        for length in 1..20 {
            for at in 0..length {
                for letter in ["A", "Z", "a", "@", "[", "-"] {
                    let name = format!("{}{letter}{}", "x".repeat(at), "y".repeat(length - at));
                    let entries = [(name.as_str(), &b""[..])];
                    let headers = Headers::new(entries.into_iter(), Completeness::Complete);
                    let names: Vec<_> = headers.names().collect();
                    assert_eq!(names, [name.to_ascii_lowercase()]);
                }
            }
        }
    }
}
