//! The grammars of durations and sizes.

use super::{Duration, DurationError, Size, SizeError};

#[test]
fn durations_are_whole_numbers_with_descending_units() {
    let cases = [
        ("30s", Ok(30_000)),
        ("5m", Ok(300_000)),
        ("24h", Ok(86_400_000)),
        ("500ms", Ok(500)),
        ("0s", Ok(0)),
        ("007s", Ok(7_000)),
        ("1h30m", Ok(5_400_000)),
        ("1h2m3s4ms", Ok(3_723_004)),
        ("90m", Ok(5_400_000)),
        ("18446744073709551615ms", Ok(u64::MAX)),
        ("18446744073709551616ms", Err(DurationError::TooLong)),
        ("18446744073709552s", Err(DurationError::TooLong)),
        ("5124095576030h56m", Err(DurationError::TooLong)),
        ("", Err(DurationError::NoNumber)),
        ("s", Err(DurationError::NoNumber)),
        ("-1s", Err(DurationError::NoNumber)),
        ("+1s", Err(DurationError::NoNumber)),
        (" 1s", Err(DurationError::NoNumber)),
        ("30", Err(DurationError::NoUnit)),
        ("0", Err(DurationError::NoUnit)),
        ("1h30", Err(DurationError::NoUnit)),
        ("1d", Err(DurationError::UnknownUnit)),
        ("1S", Err(DurationError::UnknownUnit)),
        ("1us", Err(DurationError::UnknownUnit)),
        ("1.5s", Err(DurationError::UnknownUnit)),
        ("1 s", Err(DurationError::UnknownUnit)),
        ("1s ", Err(DurationError::UnknownUnit)),
        ("1é", Err(DurationError::UnknownUnit)),
        ("30m1h", Err(DurationError::Order)),
        ("1s1s", Err(DurationError::Order)),
    ];
    for (text, milliseconds) in cases {
        let expected = milliseconds
            .map(|milliseconds| Duration::new(std::time::Duration::from_millis(milliseconds)));
        assert_eq!(text.parse::<Duration>(), expected, "{text:?}");
    }
}

#[test]
fn sizes_are_numbers_of_bytes_or_have_a_binary_unit() {
    let cases = [
        ("0", Ok(0)),
        ("1024", Ok(1024)),
        ("64KiB", Ok(65_536)),
        ("1MiB", Ok(1_048_576)),
        ("1GiB", Ok(1_073_741_824)),
        ("18446744073709551615", Ok(u64::MAX)),
        ("18446744073709551616", Err(SizeError::TooLarge)),
        ("17179869184GiB", Err(SizeError::TooLarge)),
        ("", Err(SizeError::NoNumber)),
        ("KiB", Err(SizeError::NoNumber)),
        ("-1", Err(SizeError::NoNumber)),
        ("64 KiB", Err(SizeError::UnknownUnit)),
        ("64KB", Err(SizeError::UnknownUnit)),
        ("64kib", Err(SizeError::UnknownUnit)),
        ("1.5MiB", Err(SizeError::UnknownUnit)),
    ];
    for (text, bytes) in cases {
        assert_eq!(text.parse::<Size>(), bytes.map(Size::new), "{text:?}");
    }
}
