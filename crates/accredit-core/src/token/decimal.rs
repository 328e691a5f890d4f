//! Decimal numbers that are compared by value and exactly: a double would make different large integers equal.

/// 2^53. A double holds every integer up to this one. Larger ones may have been rounded, and so may this one itself.
pub(crate) const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// The exact value of a decimal number. `1`, `1.0` and `10e-1` are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    is_negative: bool,
    /// The digits without zeros at either end. Empty for zero.
    digits: Box<str>,
    /// The power of ten of the last digit. 0 for zero.
    exponent: i64,
}

impl Decimal {
    /// Reads digits with an optional sign, fraction and exponent, as JSON writes a number. `None` for any other text, and for an
    /// exponent beyond 64 bits.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
            return None;
        }
        let all = [whole, fraction].concat();
        let digits = all.trim_start_matches('0');
        if digits.is_empty() {
            return Some(Decimal {
                is_negative: false,
                digits: Box::default(),
                exponent: 0,
            });
        }
        let exponent: i64 = exponent.map_or(Some(0), |text| text.parse().ok())?;
        let significant = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
        let places = i64::try_from(fraction.len()).ok()?;
        Some(Decimal {
            is_negative,
            digits: significant.into(),
            exponent: exponent.checked_sub(places)?.checked_add(zeros)?,
        })
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Decimal {
        // An `i64` is written as digits with an optional sign.
        Decimal::parse(&number.to_string()).unwrap_or(Decimal {
            is_negative: false,
            digits: Box::default(),
            exponent: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn decimals_are_equal_if_their_values_are_equal() {
        for equal in [
            &["0", "-0", "0.0", "0e9", "0e99999999999999999999"][..],
            &["1", "1.0", "1.000", "10e-1", "0.1e1", "0.1E+1", "01"],
            &["-12.5", "-125e-1", "-0.125e2"],
            &[
                "9007199254740993",
                "9007199254740993.0",
                "900719925474099300e-2",
            ],
            &["18446744073709551617", "18446744073709551617e0"],
            &["1e400", "10e399"],
        ] {
            for text in equal {
                let number = Decimal::parse(text);
                assert!(number.is_some(), "{text}");
                assert_eq!(number, Decimal::parse(equal[0]), "{text}");
            }
        }
    }

    /// A double would make each of these pairs equal.
    #[test]
    fn numbers_that_are_equal_as_doubles_differ() {
        for (one, other) in [
            ("9007199254740993", "9007199254740992"),
            ("9223372036854775807", "9223372036854775808"),
            ("18446744073709551616", "18446744073709551617"),
            ("1e400", "1e401"),
            ("1e-400", "0"),
            ("1.00000000000000000001", "1"),
            ("1", "-1"),
        ] {
            assert_ne!(Decimal::parse(one), Decimal::parse(other), "{one} {other}");
        }
    }

    #[test]
    fn other_texts_are_no_decimals() {
        for text in [
            "",
            "-",
            "+1",
            ".5",
            "e1",
            "1e",
            "1e1.5",
            "0x1",
            "inf",
            "NaN",
            "1 ",
            "1_0",
            "--1",
            "1e99999999999999999999",
            "1e9223372036854775807e",
            "1.5e-9223372036854775808",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_integer_of_64_bits_is_exact() {
        for number in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert_eq!(
                Some(Decimal::from(number)),
                Decimal::parse(&number.to_string())
            );
        }
        assert_ne!(Decimal::from(i64::MAX), Decimal::from(i64::MAX - 1));
    }
}
