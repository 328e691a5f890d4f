//! The grammars of durations and sizes.

use super::{Duration, NoDuration, NoSize, Size};

#[test]
fn durations() {
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
        ("18446744073709551616ms", Err(NoDuration::TooLong)),
        ("18446744073709552s", Err(NoDuration::TooLong)),
        ("5124095576030h56m", Err(NoDuration::TooLong)),
        ("", Err(NoDuration::NoNumber)),
        ("s", Err(NoDuration::NoNumber)),
        ("-1s", Err(NoDuration::NoNumber)),
        ("+1s", Err(NoDuration::NoNumber)),
        (" 1s", Err(NoDuration::NoNumber)),
        ("30", Err(NoDuration::NoUnit)),
        ("0", Err(NoDuration::NoUnit)),
        ("1h30", Err(NoDuration::NoUnit)),
        ("1d", Err(NoDuration::UnknownUnit)),
        ("1S", Err(NoDuration::UnknownUnit)),
        ("1us", Err(NoDuration::UnknownUnit)),
        ("1.5s", Err(NoDuration::UnknownUnit)),
        ("1 s", Err(NoDuration::UnknownUnit)),
        ("1s ", Err(NoDuration::UnknownUnit)),
        ("1é", Err(NoDuration::UnknownUnit)),
        ("30m1h", Err(NoDuration::Order)),
        ("1s1s", Err(NoDuration::Order)),
    ];
    for (text, milliseconds) in cases {
        let expected = milliseconds
            .map(|milliseconds| Duration::new(std::time::Duration::from_millis(milliseconds)));
        assert_eq!(text.parse::<Duration>(), expected, "{text:?}");
    }
}

#[test]
fn sizes() {
    let cases = [
        ("0", Ok(0)),
        ("1024", Ok(1024)),
        ("64KiB", Ok(65_536)),
        ("1MiB", Ok(1_048_576)),
        ("1GiB", Ok(1_073_741_824)),
        ("18446744073709551615", Ok(u64::MAX)),
        ("18446744073709551616", Err(NoSize::TooLarge)),
        ("17179869184GiB", Err(NoSize::TooLarge)),
        ("", Err(NoSize::NoNumber)),
        ("KiB", Err(NoSize::NoNumber)),
        ("-1", Err(NoSize::NoNumber)),
        ("64 KiB", Err(NoSize::UnknownUnit)),
        ("64KB", Err(NoSize::UnknownUnit)),
        ("64kib", Err(NoSize::UnknownUnit)),
        ("1.5MiB", Err(NoSize::UnknownUnit)),
    ];
    for (text, bytes) in cases {
        assert_eq!(text.parse::<Size>(), bytes.map(Size::new), "{text:?}");
    }
}
