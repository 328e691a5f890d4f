//! Durations and sizes as the configuration writes them: `1h30m`, `64MiB`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A length of time, as `30s`, `5m`, `1h30m`, `500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

/// A number of bytes, as `64KiB`, `1MiB`, `0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// The grammar of a `Duration`, for the schema; `FromStr` decides.
pub const DURATION_PATTERN: &str = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
/// The grammar of a `Size` that is written as a string, for the schema; `FromStr` decides.
pub const SIZE_PATTERN: &str = "^[0-9]+(KiB|MiB|GiB)?$";

const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZE_UNITS: [(&str, u64); 4] = [
    ("", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

// === impl Duration ===

impl Duration {
    /// A duration that is known beforehand.
    pub const fn new(duration: std::time::Duration) -> Duration {
        Duration(duration)
    }

    /// The standard library's form of it.
    pub const fn to_std(self) -> std::time::Duration {
        self.0
    }
}

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDuration {
    /// It does not begin with a digit.
    NoNumber,
    /// A number without a unit.
    NoUnit,
    /// A unit other than h, m, s and ms.
    UnknownUnit,
    /// Units twice, or a smaller before a larger.
    Order,
    /// More milliseconds than 64 bits count.
    TooLong,
}

impl FromStr for Duration {
    type Err = NoDuration;

    fn from_str(text: &str) -> Result<Duration, NoDuration> {
        let mut milliseconds = 0_u64;
        let mut larger = None;
        let mut rest = text;
        while larger.is_none() || !rest.is_empty() {
            let (digits, after) = split_digits(rest);
            let unit_length = after.bytes().take_while(|b| !b.is_ascii_digit()).count();
            let (unit, after) = after
                .split_at_checked(unit_length)
                .ok_or(NoDuration::UnknownUnit)?;
            if digits.is_empty() {
                return Err(NoDuration::NoNumber);
            }
            if unit.is_empty() {
                return Err(NoDuration::NoUnit);
            }
            let (_, factor) = DURATION_UNITS
                .into_iter()
                .find(|(name, _)| *name == unit)
                .ok_or(NoDuration::UnknownUnit)?;
            if larger.is_some_and(|larger| larger <= factor) {
                return Err(NoDuration::Order);
            }
            let count: u64 = digits.parse().map_err(|_| NoDuration::TooLong)?;
            let part = count.checked_mul(factor).ok_or(NoDuration::TooLong)?;
            milliseconds = milliseconds.checked_add(part).ok_or(NoDuration::TooLong)?;
            larger = Some(factor);
            rest = after;
        }
        Ok(Duration(std::time::Duration::from_millis(milliseconds)))
    }
}

impl fmt::Display for NoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoDuration::NoNumber => "a duration is whole numbers with units",
            NoDuration::NoUnit => "this duration has no unit",
            NoDuration::UnknownUnit => "the units of a duration are h, m, s and ms",
            NoDuration::Order => "the parts of a duration go from h to ms, each once",
            NoDuration::TooLong => "this duration is too long",
        })
    }
}

impl std::error::Error for NoDuration {}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: whole numbers with the units h, m, s and ms, from the largest to the smallest.",
            "type": "string",
            "minLength": 2,
            "pattern": DURATION_PATTERN,
            "examples": ["30s", "5m", "1h30m", "500ms"],
        })
    }
}

// === impl Size ===

impl Size {
    /// A size that is known beforehand.
    pub const fn new(bytes: u64) -> Size {
        Size(bytes)
    }

    /// How many bytes that is.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// Why a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSize {
    /// It does not begin with a digit.
    NoNumber,
    /// A unit other than KiB, MiB and GiB.
    UnknownUnit,
    /// More bytes than 64 bits count.
    TooLarge,
}

impl FromStr for Size {
    type Err = NoSize;

    fn from_str(text: &str) -> Result<Size, NoSize> {
        let (digits, unit) = split_digits(text);
        if digits.is_empty() {
            return Err(NoSize::NoNumber);
        }
        let (_, factor) = SIZE_UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .ok_or(NoSize::UnknownUnit)?;
        let count: u64 = digits.parse().map_err(|_| NoSize::TooLarge)?;
        count.checked_mul(factor).map(Size).ok_or(NoSize::TooLarge)
    }
}

impl fmt::Display for NoSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoSize::NoNumber => "a size is a whole number with a unit",
            NoSize::UnknownUnit => "the units of a size are KiB, MiB and GiB",
            NoSize::TooLarge => "this size is too large",
        })
    }
}

impl std::error::Error for NoSize {}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
        Ok(Size(bytes))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
        u64::try_from(bytes).map(Size).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        text.parse().map_err(E::custom)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes, or of KiB, MiB or GiB.",
            "type": ["string", "integer"],
            "minimum": 0,
            "pattern": SIZE_PATTERN,
            "examples": ["64KiB", "1MiB", 0],
        })
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(length).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests;
