//! NumericDate (RFC 7519 section 2): seconds since 1970-01-01T00:00:00Z, fractions permitted.

use std::fmt;
use std::time::Duration;

use crate::jose::json::value::{JsonKind, JsonValue};

/// The last second of the year 9999. A larger number is a mistake (CONTRACT 4.4.3).
const LATEST: f64 = 253_402_300_799.0;

/// Numbers from here to `LATEST_MILLISECONDS` are dates since the year 2001 in milliseconds.
const EARLIEST_MILLISECONDS: f64 = 1e12;
const LATEST_MILLISECONDS: f64 = LATEST * 1000.0;

/// Seconds since 1970-01-01T00:00:00Z, finite, from 0 to the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct NumericDate(f64);

/// Why a claim is not a NumericDate. A date is no secret, so the value is shown once the signature is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotANumericDate {
    #[error("is in milliseconds{}; a NumericDate is in seconds", shown(.0.as_ref()))]
    Milliseconds(Option<u64>),
    #[error("is a string{}; a NumericDate is a number", shown(.0.as_ref()))]
    Text(Option<DateText>),
    #[error("is not from 0 to 253402300799, the last second of the year 9999")]
    OutOfRange,
    #[error("is not a number")]
    WrongType,
}

/// The text of a claim that was meant as a date: digits, `T`, `Z`, `-`, `:`, `.`, `+` and spaces only. It is stored
/// inline, so that token errors stay small and `Copy`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DateText {
    bytes: [u8; DateText::MAX],
    length: u8,
}

impl NumericDate {
    /// The moment at this time since the epoch.
    pub fn after_epoch(elapsed: Duration) -> NumericDate {
        NumericDate(elapsed.as_secs_f64())
    }

    /// Reads a claim. `None` if it is absent.
    ///
    /// # Errors
    /// [`NotANumericDate`]
    pub fn read(claim: Option<JsonValue<'_>>) -> Result<Option<NumericDate>, NotANumericDate> {
        let Some(claim) = claim else {
            return Ok(None);
        };
        match (claim.kind(), claim.number()) {
            (JsonKind::Null, _) => Ok(None),
            (_, Some(seconds)) if (0.0..=LATEST).contains(&seconds) => {
                Ok(Some(NumericDate(seconds)))
            }
            (_, Some(number))
                if (EARLIEST_MILLISECONDS..=LATEST_MILLISECONDS).contains(&number) =>
            {
                Err(NotANumericDate::Milliseconds(Some(number as u64)))
            }
            (_, Some(_)) => Err(NotANumericDate::OutOfRange),
            (JsonKind::String(text), None) => Err(NotANumericDate::Text(DateText::new(text))),
            (_, None) => Err(NotANumericDate::WrongType),
        }
    }

    pub fn seconds(self) -> f64 {
        self.0
    }

    #[must_use]
    pub fn plus(self, span: Duration) -> NumericDate {
        NumericDate(self.0 + span.as_secs_f64())
    }

    /// Seconds from `earlier` to this moment. Negative if `earlier` is the later one.
    pub fn seconds_since(self, earlier: NumericDate) -> f64 {
        self.0 - earlier.0
    }
}

impl NotANumericDate {
    pub(in crate::token) fn without_value(self) -> NotANumericDate {
        match self {
            NotANumericDate::Milliseconds(_) => NotANumericDate::Milliseconds(None),
            NotANumericDate::Text(_) => NotANumericDate::Text(None),
            other => other,
        }
    }
}

impl DateText {
    const MAX: usize = 32;

    pub(in crate::token) fn new(text: &str) -> Option<DateText> {
        let is_of_date = |byte: u8| byte.is_ascii_digit() || b"-:.+ TZ".contains(&byte);
        let mut bytes = [0; DateText::MAX];
        bytes
            .get_mut(..text.len())
            .filter(|_| text.bytes().all(is_of_date))?
            .copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).ok()?;
        Some(DateText { bytes, length })
    }
}

impl fmt::Display for DateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes.get(..usize::from(self.length));
        write!(
            f,
            "\"{}\"",
            String::from_utf8_lossy(bytes.unwrap_or_default())
        )
    }
}

impl fmt::Debug for DateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn shown(value: Option<&impl fmt::Display>) -> String {
    value.map_or_else(String::new, |value| format!(" ({value})"))
}

#[cfg(test)]
mod tests {
    use super::{NotANumericDate, NumericDate};
    use crate::jose::json::{Duplicates, JsonDocument};

    fn read(text: &str) -> Result<Option<f64>, NotANumericDate> {
        let document = JsonDocument::parse(text.as_bytes(), Duplicates::Refuse).expect("is JSON");
        NumericDate::read(Some(document.root())).map(|date| date.map(NumericDate::seconds))
    }

    #[test]
    fn only_finite_numbers_up_to_the_year_9999_are_numeric_dates() {
        for (text, seconds) in [
            ("0", 0.0),
            ("-0", 0.0),
            ("1.5", 1.5),
            ("1e9", 1e9),
            ("253402300799", 253_402_300_799.0),
        ] {
            assert_eq!(read(text), Ok(Some(seconds)), "{text}");
        }
        assert_eq!(read("null"), Ok(None));
        for (text, shown) in [
            ("-1", "is not from 0"),
            ("-0.001", "is not from 0"),
            ("253402300799.5", "is not from 0"),
            ("253402300800", "is not from 0"),
            ("1e400", "is not from 0"),
            ("-1e400", "is not from 0"),
            ("1764403200000", "is in milliseconds (1764403200000);"),
            ("\"1764403200\"", "is a string (\"1764403200\");"),
            (
                "\"2026-11-29T08:00:00Z\"",
                "is a string (\"2026-11-29T08:00:00Z\");",
            ),
            ("\"<b>\"", "is a string; a"),
            ("\"\"", "is a string (\"\");"),
            ("\"000000000011111111112222222222333\"", "is a string; a"),
            ("true", "is not a number"),
            ("[]", "is not a number"),
            ("{}", "is not a number"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.to_string().starts_with(shown), "{text}: {error}");
            let hidden = error.without_value().to_string();
            assert!(
                !hidden.contains("17644") && !hidden.contains("2026"),
                "{hidden}"
            );
        }
    }
}
