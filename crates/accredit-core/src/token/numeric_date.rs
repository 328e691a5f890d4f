//! NumericDate (RFC 7519 section 2): seconds since the epoch, fractions allowed.

use std::time::Duration;

use crate::jose::json::{JsonDocument, JsonKind, JsonValue};

/// The last second of the year 9999, beyond which a date is a mistake.
const LATEST: f64 = 253_402_300_799.0;

/// Seconds since 1970-01-01T00:00:00Z, finite and from 0 to the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct NumericDate(f64);

/// A claim that should be a NumericDate and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumericDate;

impl NumericDate {
    /// The moment that many seconds and nanoseconds after the epoch.
    pub fn after_epoch(elapsed: Duration) -> NumericDate {
        NumericDate(elapsed.as_secs_f64())
    }

    /// Reads a claim; `null` is none.
    ///
    /// # Errors
    /// [`NotANumericDate`] for anything else that is not a number from 0 to the year 9999.
    pub fn read(
        document: &JsonDocument,
        claim: Option<&JsonValue>,
    ) -> Result<Option<NumericDate>, NotANumericDate> {
        let Some(claim) = claim.filter(|claim| claim.kind != JsonKind::Null) else {
            return Ok(None);
        };
        match document.number(claim) {
            Some(seconds) if (0.0..=LATEST).contains(&seconds) => Ok(Some(NumericDate(seconds))),
            _ => Err(NotANumericDate),
        }
    }

    /// Seconds since the epoch.
    pub fn seconds(self) -> f64 {
        self.0
    }

    /// This moment moved into the future.
    #[must_use]
    pub fn plus(self, span: Duration) -> NumericDate {
        NumericDate(self.0 + span.as_secs_f64())
    }

    /// Seconds from `earlier` to this moment, negative if it is later.
    pub fn seconds_since(self, earlier: NumericDate) -> f64 {
        self.0 - earlier.0
    }
}

#[cfg(test)]
mod tests {
    use super::{NotANumericDate, NumericDate};
    use crate::jose::json::{Duplicates, JsonDocument};

    fn read(text: &str) -> Result<Option<f64>, NotANumericDate> {
        let document = JsonDocument::parse(text.as_bytes(), Duplicates::Refuse).expect("is JSON");
        NumericDate::read(&document, Some(document.root()))
            .map(|date| date.map(NumericDate::seconds))
    }

    #[test]
    fn only_finite_numbers_of_this_calendar_are_dates() {
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
        for text in [
            "-1",
            "-0.001",
            "253402300799.5",
            "253402300800",
            "1e400",
            "-1e400",
            "\"1\"",
            "true",
            "[]",
            "{}",
        ] {
            assert_eq!(read(text), Err(NotANumericDate), "{text}");
        }
    }
}
