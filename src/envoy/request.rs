//! From Envoy's message to the request. The request borrows from the bytes of the message.
//!
//! It follows the rules of protobuf decoders: of a repeated text the last one counts, repeated messages are merged, and unknown
//! fields are ignored.

use std::borrow::Cow;

use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};

use crate::envoy::request::named_values::{MapField, header_value, map_entry};
use crate::envoy::wire::{Field, Fields, Malformed};

mod named_values;

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
