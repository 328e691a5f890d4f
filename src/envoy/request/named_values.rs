//! The names and values of a message: entries of a `map<string, string>`, and those of a header map. The headers of a request
//! and the context extensions of a route are such names and values.

use std::ops::Deref;

use crate::envoy::wire::{Field, Malformed};

/// A field of type `map<string, string>`, in the order of the message. A vector: a request has about fifteen headers, each of
/// which would cost a hash.
#[derive(Default)]
pub(super) struct MapField<N, V> {
    entries: Vec<(N, V)>,
    /// The bits of [`name_bit`] of all names.
    bits: u64,
    /// Whether two entries can have one name.
    can_repeat: bool,
}

impl<N: Deref<Target = str> + Ord, V> MapField<N, V> {
    /// A name whose bit another one has is compared with this number of entries; with more, the entries are sorted. So no message
    /// takes quadratic time.
    const FEW: usize = 32;

    #[inline]
    pub(super) fn insert<'a>(&mut self, name: &'a str, value: V)
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
    #[inline]
    pub(super) fn into_entries(self) -> Vec<(N, V)> {
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
#[inline]
fn name_bit(name: &str) -> u64 {
    let ends = [name.as_bytes().first(), name.as_bytes().last()];
    let [first, last] = ends.map(|byte| byte.map_or(0, |byte| usize::from(*byte)));
    1 << ((name.len() * 5 + first + last * 3) % 64)
}

/// An entry of a `map<string, string>`, whose value `read` reads.
#[inline]
pub(super) fn map_entry<'a, V: Default>(
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
#[inline]
pub(super) fn header_value(header: Field<'_>) -> Result<(&str, &[u8]), Malformed> {
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
#[inline]
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
