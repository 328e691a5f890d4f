//! Timestamps and durations of expressions.

use std::str::FromStr;

use chrono::{DateTime, Datelike, FixedOffset, TimeDelta, Timelike, Utc};

use crate::expression::failure::EvaluationFailure;
use crate::expression::program::{Function, Operator};
use crate::expression::value::{Evaluated, Value};

const BAD_DURATION: EvaluationFailure = EvaluationFailure::Value("a text is not a duration");
const BAD_TIMESTAMP: EvaluationFailure = EvaluationFailure::Value("a value is not a timestamp");
const OUT_OF_RANGE: EvaluationFailure = EvaluationFailure::Value("a time is out of range");
const BAD_ZONE: EvaluationFailure = EvaluationFailure::Value("a text is not a time zone");

/// `duration(...)`. `None` if the type cannot be converted.
pub fn duration<'a>(value: &Value<'_>) -> Option<Evaluated<'a>> {
    match value {
        Value::Duration(duration) => Some(Ok(Value::Duration(*duration))),
        Value::Text(text) => Some(
            parse_duration(text)
                .map(Value::Duration)
                .ok_or(BAD_DURATION),
        ),
        _ => None,
    }
}

/// `timestamp(...)`: RFC 3339, or seconds since the epoch. `None` if the type cannot be converted.
pub fn timestamp<'a>(value: &Value<'_>) -> Option<Evaluated<'a>> {
    let timestamp = match value {
        Value::Timestamp(timestamp) => Some(*timestamp),
        Value::Text(text) => DateTime::parse_from_rfc3339(text).ok(),
        Value::Int(seconds) => {
            DateTime::from_timestamp(*seconds, 0).map(|timestamp| timestamp.fixed_offset())
        }
        _ => return None,
    };
    let timestamp = timestamp.filter(is_in_range);
    Some(timestamp.map(Value::Timestamp).ok_or(BAD_TIMESTAMP))
}

/// `+` and `-` of timestamps and durations. `None` if the operation is not defined for these types.
pub fn arithmetic<'a>(
    operator: Operator,
    left: &Value<'_>,
    right: &Value<'_>,
) -> Option<Evaluated<'a>> {
    let timestamp = |sum: Option<DateTime<FixedOffset>>| {
        let sum = sum.filter(is_in_range);
        sum.map(Value::Timestamp).ok_or(OUT_OF_RANGE)
    };
    let duration = |sum: Option<TimeDelta>| {
        // CEL counts nanoseconds in 64 bits.
        let sum = sum.filter(|sum| sum.num_nanoseconds().is_some());
        sum.map(Value::Duration).ok_or(OUT_OF_RANGE)
    };
    Some(match (operator, left, right) {
        (Operator::Add, Value::Timestamp(time), Value::Duration(span))
        | (Operator::Add, Value::Duration(span), Value::Timestamp(time)) => {
            timestamp(time.checked_add_signed(*span))
        }
        (Operator::Subtract, Value::Timestamp(time), Value::Duration(span)) => {
            timestamp(time.checked_sub_signed(*span))
        }
        (Operator::Subtract, Value::Timestamp(left), Value::Timestamp(right)) => {
            duration(Some(left.signed_duration_since(*right)))
        }
        (Operator::Add, Value::Duration(left), Value::Duration(right)) => {
            duration(left.checked_add(right))
        }
        (Operator::Subtract, Value::Duration(left), Value::Duration(right)) => {
            duration(left.checked_sub(right))
        }
        _ => return None,
    })
}

/// The range of CEL's timestamps: the years 1 to 9999. CEL has no leap seconds.
fn is_in_range(timestamp: &DateTime<FixedOffset>) -> bool {
    let is_leap_second = timestamp.nanosecond() >= 1_000_000_000;
    !is_leap_second && (1..=9999).contains(&timestamp.with_timezone(&Utc).year())
}

/// `getHours()` and the others, for timestamps also with a time zone. `None` if the arguments do not fit.
pub fn member<'a>(
    function: Function,
    value: &Value<'_>,
    rest: &[Value<'_>],
) -> Option<Evaluated<'a>> {
    let number = match (value, rest) {
        (Value::Timestamp(timestamp), []) => {
            of_timestamp(function, timestamp.with_timezone(&Utc).fixed_offset())?
        }
        (Value::Timestamp(timestamp), [Value::Text(zone)]) => match in_zone(timestamp, zone) {
            Some(timestamp) => of_timestamp(function, timestamp)?,
            None => return Some(Err(BAD_ZONE)),
        },
        (Value::Duration(duration), []) => of_duration(function, *duration)?,
        _ => return None,
    };
    Some(Ok(Value::Int(number)))
}

fn of_timestamp(function: Function, timestamp: DateTime<FixedOffset>) -> Option<i64> {
    Some(match function {
        Function::FullYear => timestamp.year().into(),
        Function::Month => timestamp.month0().into(),
        Function::Date => timestamp.day().into(),
        Function::DayOfMonth => timestamp.day0().into(),
        Function::DayOfWeek => timestamp.weekday().num_days_from_sunday().into(),
        Function::DayOfYear => timestamp.ordinal0().into(),
        Function::Hours => timestamp.hour().into(),
        Function::Minutes => timestamp.minute().into(),
        Function::Seconds => timestamp.second().into(),
        Function::Milliseconds => timestamp.timestamp_subsec_millis().into(),
        _ => return None,
    })
}

fn of_duration(function: Function, duration: TimeDelta) -> Option<i64> {
    Some(match function {
        Function::Hours => duration.num_hours(),
        Function::Minutes => duration.num_minutes(),
        Function::Seconds => duration.num_seconds(),
        Function::Milliseconds => duration.num_milliseconds(),
        _ => return None,
    })
}

/// A name of the IANA database, or `+HH:MM`.
fn in_zone(timestamp: &DateTime<FixedOffset>, zone: &str) -> Option<DateTime<FixedOffset>> {
    if let Ok(zone) = chrono_tz::Tz::from_str(zone) {
        return Some(timestamp.with_timezone(&zone).fixed_offset());
    }
    let (sign, digits) = match zone.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = digits.split_once(':')?;
    let number = |text: &str, most: i32| {
        text.parse::<i32>()
            .ok()
            .filter(|number| (0..=most).contains(number))
    };
    let seconds = number(hours, 23)? * 3600 + number(minutes, 59)? * 60;
    let offset = FixedOffset::east_opt(sign * seconds)?;
    Some(timestamp.with_timezone(&offset))
}

/// `-1h30m`, `1.5s`, `100ms`, `0`
fn parse_duration(text: &str) -> Option<TimeDelta> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    if rest == "0" {
        return Some(TimeDelta::zero());
    }
    let mut total = TimeDelta::zero();
    while !rest.is_empty() {
        let end = rest.find(|character: char| !(character.is_ascii_digit() || character == '.'))?;
        let number: f64 = rest.get(..end)?.parse().ok()?;
        let unit = rest.get(end..)?;
        let units = [
            ("ms", 1e6),
            ("us", 1e3),
            ("ns", 1.0),
            ("h", 3.6e12),
            ("m", 6e10),
            ("s", 1e9),
        ];
        let (name, nanoseconds) = units.into_iter().find(|(name, _)| unit.starts_with(name))?;
        let nanoseconds = sign * number * nanoseconds;
        if nanoseconds.abs() > i64::MAX as f64 {
            return None;
        }
        total = total.checked_add(&TimeDelta::nanoseconds(nanoseconds as i64))?;
        rest = unit.strip_prefix(name)?;
    }
    (!text.is_empty() && text != "-").then_some(total)
}

/// RFC 3339 in UTC, with as many decimals as needed.
pub fn format_timestamp(timestamp: &DateTime<FixedOffset>) -> String {
    timestamp
        .with_timezone(&Utc)
        .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// Seconds with as many decimals as needed, and `s`.
pub fn format_duration(duration: TimeDelta) -> String {
    let (seconds, nanoseconds) = (duration.num_seconds(), duration.subsec_nanos());
    let sign = if seconds < 0 || nanoseconds < 0 {
        "-"
    } else {
        ""
    };
    let decimals = format!("{:09}", nanoseconds.unsigned_abs());
    let decimals = decimals.trim_end_matches('0');
    let point = if decimals.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{decimals}s", seconds.unsigned_abs())
}
