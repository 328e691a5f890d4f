//! From Envoy's message to the request. The request borrows from the bytes of the message.
//!
//! It follows the rules of protobuf decoders: of a repeated text the last one counts, repeated messages are merged, and unknown
//! fields are ignored.

use std::borrow::Cow;
use std::ops::Deref;

use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};

use crate::envoy::wire::{Field, Fields, Malformed};

/// The maximum number of headers and context extensions of a message. Envoy's own default limit is 100 headers per
/// request.
pub const MAX_ENTRIES: usize = 10_000;

/// The header that shows whether Envoy sends every header (CONTRACT 4.11.3).
const METHOD: &str = ":method";

/// The room for the headers of a message. Most requests have fewer.
const USUAL_HEADERS: usize = 24;

/// Why a message contains no request that accredit can check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// The bytes are not a `CheckRequest`.
    Malformed,
    /// The message has no HTTP attributes.
    NoHttpAttributes,
    /// The message has more than [`MAX_ENTRIES`] headers and context extensions.
    TooManyEntries,
}

impl From<Malformed> for MessageError {
    fn from(Malformed: Malformed) -> MessageError {
        MessageError::Malformed
    }
}

/// Reads the request of a message (`envoy.service.auth.v3.CheckRequest`).
///
/// # Errors
/// [`MessageError`]
pub fn read(message: &[u8]) -> Result<Request<'_>, MessageError> {
    let mut attributes = Attributes::default();
    for field in Fields::of(message) {
        let field = field?;
        if field.number == 1 {
            attributes.read(field)?;
        }
    }
    let http = attributes.http.ok_or(MessageError::NoHttpAttributes)?;
    Ok(Request {
        method: http.method,
        scheme: http.scheme,
        host: http.host,
        path: http.path,
        headers: http.into_headers(),
        source_address: attributes.source_address,
        source_principal: attributes.source_principal,
        source_certificate: ClientCertificate::of_pem(attributes.source_certificate),
        context: attributes.context.into_entries(),
        trace: None,
    })
}

/// `AttributeContext`
#[derive(Default)]
struct Attributes<'a> {
    source_address: &'a str,
    source_principal: &'a str,
    source_certificate: &'a str,
    http: Option<Http<'a>>,
    context: MapField<&'a str, &'a str>,
    entries: Entries,
}

/// `AttributeContext.HttpRequest`
#[derive(Default)]
struct Http<'a> {
    method: &'a str,
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
    headers: MapField<Cow<'a, str>, &'a [u8]>,
    header_map: Option<Headers<'a>>,
    /// Whether `header_map` has `:method`.
    shows_method: bool,
}

/// A field of type `map<string, string>`, in the order of the message. A vector: a request has about fifteen headers, each of
/// which would cost a hash.
#[derive(Default)]
struct MapField<N, V> {
    entries: Vec<(N, V)>,
    /// The bits of [`name_bit`] of all names.
    bits: u64,
    /// Whether two entries can have one name.
    can_repeat: bool,
}

/// The number of headers and context extensions so far.
#[derive(Default)]
struct Entries(usize);

impl Entries {
    fn count(&mut self) -> Result<(), MessageError> {
        self.0 += 1;
        if self.0 > MAX_ENTRIES {
            return Err(MessageError::TooManyEntries);
        }
        Ok(())
    }
}

// === impl Attributes ===

impl<'a> Attributes<'a> {
    fn read(&mut self, attributes: Field<'a>) -> Result<(), MessageError> {
        for field in attributes.fields()? {
            let field = field?;
            match field.number {
                1 => self.read_source(field)?,
                4 => self.read_request(field)?,
                10 => {
                    self.entries.count()?;
                    let (name, value) = map_entry(field, Field::text)?;
                    self.context.insert(name, value);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `Peer`
    fn read_source(&mut self, source: Field<'a>) -> Result<(), Malformed> {
        for field in source.fields()? {
            let field = field?;
            match field.number {
                1 => self.read_address(field)?,
                4 => self.source_principal = field.text()?,
                5 => self.source_certificate = field.text()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `Address`: the last kind of address counts, and only a socket address has an IP address.
    fn read_address(&mut self, address: Field<'a>) -> Result<(), Malformed> {
        for field in address.fields()? {
            let field = field?;
            match field.number {
                1 => {
                    for field in field.fields()? {
                        let field = field?;
                        if field.number == 2 {
                            self.source_address = field.text()?;
                        }
                    }
                }
                2 | 3 => {
                    field.bytes()?;
                    self.source_address = "";
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `AttributeContext.Request`
    fn read_request(&mut self, request: Field<'a>) -> Result<(), MessageError> {
        for field in request.fields()? {
            let field = field?;
            if field.number == 2 {
                let http = self.http.get_or_insert_default();
                http.read(field, &mut self.entries)?;
            }
        }
        Ok(())
    }
}

// === impl Http ===

impl<'a> Http<'a> {
    fn read(&mut self, http: Field<'a>, entries: &mut Entries) -> Result<(), MessageError> {
        for field in http.fields()? {
            let field = field?;
            match field.number {
                2 => self.method = field.text()?,
                3 => {
                    entries.count()?;
                    let (name, value) = map_entry(field, Field::text_bytes)?;
                    self.headers.insert(name, value);
                }
                4 => self.path = field.text()?,
                5 => self.host = field.text()?,
                6 => self.scheme = field.text()?,
                13 => {
                    let header_map = self
                        .header_map
                        .get_or_insert_with(|| Headers::with_capacity(USUAL_HEADERS));
                    for field in field.fields()? {
                        let field = field?;
                        if field.number == 1 {
                            entries.count()?;
                            let (name, value) = header_value(field)?;
                            self.shows_method |= name == METHOD;
                            header_map.push(name, value);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `header_map` has the bytes as received and keeps repeated headers apart (`encode_raw_headers: true`). If Envoy sends it,
    /// accredit reads nothing else (CONTRACT 4.11.1).
    fn into_headers(self) -> Headers<'a> {
        match self.header_map {
            Some(headers) => headers.sent(completeness(self.shows_method)),
            None => {
                let headers = self.headers.into_entries();
                let shown = headers.iter().any(|(name, _)| name == METHOD);
                Headers::of(headers, completeness(shown))
            }
        }
    }
}

// === impl MapField ===

impl<N: Deref<Target = str> + Ord, V> MapField<N, V> {
    /// A name whose bit another one has is compared with this number of entries; with more, the entries are sorted. So no message
    /// takes quadratic time.
    const FEW: usize = 32;

    fn insert<'a>(&mut self, name: &'a str, value: V)
    where
        N: From<&'a str>,
    {
        if self.entries.capacity() == 0 {
            self.entries.reserve(Self::FEW);
        }
        let bit = name_bit(name);
        if self.bits & bit != 0 && !self.can_repeat {
            self.can_repeat = self.entries.len() > Self::FEW
                || self.entries.iter().any(|(earlier, _)| **earlier == *name);
        }
        self.bits |= bit;
        self.entries.push((name.into(), value));
    }

    /// The entries, each name once: of those with one name the last counts.
    fn into_entries(self) -> Vec<(N, V)> {
        let mut entries = self.entries;
        if !self.can_repeat {
            return entries;
        }
        // Both keep the order of entries with one name. Reversed, the last of them comes first, and is kept.
        entries.reverse();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        entries.dedup_by(|(one, _), (other, _)| one == other);
        entries
    }
}

/// A bit that equal names have in common. Most other names have another bit.
fn name_bit(name: &str) -> u64 {
    let ends = [name.as_bytes().first(), name.as_bytes().last()];
    let [first, last] = ends.map(|byte| byte.map_or(0, |byte| usize::from(*byte)));
    1 << ((name.len() * 5 + first + last * 3) % 64)
}

/// An entry of a `map<string, string>`, whose value `read` reads.
fn map_entry<'a, V: Default>(
    entry: Field<'a>,
    read: impl Fn(Field<'a>) -> Result<V, Malformed>,
) -> Result<(&'a str, V), Malformed> {
    if let Some((name, value)) = entry.fields()?.short_pair(2) {
        return Ok((header_name(name)?, read(value)?));
    }
    let (mut name, mut value) = ("", V::default());
    for field in entry.fields()? {
        let field = field?;
        match field.number {
            1 => name = field.text()?,
            2 => value = read(field)?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// `HeaderValue`: the value is in `value` or in `raw_value`.
fn header_value(header: Field<'_>) -> Result<(&str, &[u8]), Malformed> {
    if let Some((name, raw_value)) = header.fields()?.short_pair(3) {
        return Ok((header_name(name)?, raw_value.bytes()?));
    }
    let (mut name, mut value, mut raw_value) = ("", &[][..], &[][..]);
    for field in header.fields()? {
        let field = field?;
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text_bytes()?,
            3 => raw_value = field.bytes()?,
            _ => {}
        }
    }
    let is_raw = !raw_value.is_empty();
    Ok((name, if is_raw { raw_value } else { value }))
}

/// The text of a field that is the name of a header in almost every message. Most names are usual ones: to find one of them takes
/// less than to check that a short text is UTF-8.
fn header_name(field: Field<'_>) -> Result<&str, Malformed> {
    let name = field.bytes()?;
    let of_length: &[&'static str] = match name.len() {
        5 => &[":path"],
        6 => &["accept", "cookie"],
        7 => &[":method", ":scheme"],
        10 => &[":authority", "user-agent"],
        12 => &["x-request-id", "content-type"],
        13 => &["authorization", "cache-control"],
        14 => &["content-length"],
        15 => &["x-forwarded-for", "accept-encoding", "accept-language"],
        16 => &["x-envoy-internal"],
        17 => &["x-forwarded-proto"],
        _ => &[],
    };
    let usual = of_length.iter().find(|usual| usual.as_bytes() == name);
    usual.map_or_else(|| field.text(), |usual| Ok(*usual))
}

/// Envoy sends `:method` unless the operator limited the headers that it sends (CONTRACT 4.11.3).
fn completeness(method_is_shown: bool) -> Completeness {
    if method_is_shown {
        Completeness::Complete
    } else {
        Completeness::Filtered
    }
}

#[cfg(test)]
mod tests;
