//! Durations and sizes of the configuration: `1h30m`, `64MiB` (CONTRACT 3.1.3, 3.1.4).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// A length of time, as `30s`, `5m`, `1h30m`, `500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

/// A number of bytes, as `64KiB`, `1MiB`, `0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// The pattern of a [`Duration`] in the schema. `FromStr` decides.
pub(crate) const DURATION_PATTERN: &str = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
/// The pattern of a [`Size`] in the schema, if it is a string. `FromStr` decides.
pub(crate) const SIZE_PATTERN: &str = "^[0-9]+(KiB|MiB|GiB)?$";

const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZE_UNITS: [(&str, u64); 4] = [
    ("", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

// === impl Duration ===

impl Duration {
    pub const fn new(duration: std::time::Duration) -> Duration {
        Duration(duration)
    }

    pub(crate) const fn to_std(self) -> std::time::Duration {
        self.0
    }
}

/// A text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("a duration consists of whole numbers with units")]
    NoNumber,
    #[error("this duration has no unit")]
    NoUnit,
    #[error("the units of a duration are h, m, s and ms")]
    UnknownUnit,
    #[error("the units of a duration stand in the order h, m, s, ms, each at most once")]
    Order,
    /// More milliseconds than 64 bits count.
    #[error("this duration is too long")]
    TooLong,
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Duration, DurationError> {
        let mut milliseconds = 0_u64;
        let mut larger = None;
        let mut rest = text;
        while larger.is_none() || !rest.is_empty() {
            let (digits, after) = split_digits(rest);
            let unit_length = after.bytes().take_while(|b| !b.is_ascii_digit()).count();
            let (unit, after) = after
                .split_at_checked(unit_length)
                .ok_or(DurationError::UnknownUnit)?;
            if digits.is_empty() {
                return Err(DurationError::NoNumber);
            }
            if unit.is_empty() {
                return Err(DurationError::NoUnit);
            }
            let (_, factor) = DURATION_UNITS
                .into_iter()
                .find(|(name, _)| *name == unit)
                .ok_or(DurationError::UnknownUnit)?;
            if larger.is_some_and(|larger| larger <= factor) {
                return Err(DurationError::Order);
            }
            let count: u64 = digits.parse().map_err(|_| DurationError::TooLong)?;
            let part = count.checked_mul(factor).ok_or(DurationError::TooLong)?;
            milliseconds = milliseconds
                .checked_add(part)
                .ok_or(DurationError::TooLong)?;
            larger = Some(factor);
            rest = after;
        }
        Ok(Duration(std::time::Duration::from_millis(milliseconds)))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut milliseconds = self.0.as_millis();
        if milliseconds == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in DURATION_UNITS {
            let count = milliseconds / u128::from(factor);
            if count > 0 {
                write!(f, "{count}{unit}")?;
                milliseconds %= u128::from(factor);
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

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
    pub const fn new(bytes: u64) -> Size {
        Size(bytes)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// A text is not a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    #[error("a size is a whole number, with or without a unit")]
    NoNumber,
    #[error("the units of a size are KiB, MiB and GiB")]
    UnknownUnit,
    /// More bytes than 64 bits count.
    #[error("this size is too large")]
    TooLarge,
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Size, SizeError> {
        let (digits, unit) = split_digits(text);
        if digits.is_empty() {
            return Err(SizeError::NoNumber);
        }
        let (_, factor) = SIZE_UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .ok_or(SizeError::UnknownUnit)?;
        let count: u64 = digits.parse().map_err(|_| SizeError::TooLarge)?;
        count
            .checked_mul(factor)
            .map(Size)
            .ok_or(SizeError::TooLarge)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = SIZE_UNITS
            .into_iter()
            .rev()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(("", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

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
