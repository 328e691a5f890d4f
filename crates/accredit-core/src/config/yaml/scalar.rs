//! The meaning of a plain scalar in the core schema of YAML 1.2 (section 10.3.2).

use crate::config::yaml::tree::YamlValue;

/// Reads a plain scalar. A scalar that is not null, a boolean or a number is a string. In YAML 1.2, `yes` is a string too.
pub fn plain(text: &str) -> YamlValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => YamlValue::Null,
        "true" | "True" | "TRUE" => YamlValue::Bool(true),
        "false" | "False" | "FALSE" => YamlValue::Bool(false),
        _ => number(text).unwrap_or_else(|| YamlValue::String(text.to_owned())),
    }
}

fn number(text: &str) -> Option<YamlValue> {
    if let Some(digits) = text.strip_prefix("0x") {
        return based(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return based(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => {
            return Some(YamlValue::Float(f64::NEG_INFINITY));
        }
        ".inf" | ".Inf" | ".INF" => return Some(YamlValue::Float(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => {
            return Some(YamlValue::Float(f64::NAN));
        }
        _ => {}
    }
    if !is_decimal(unsigned) {
        return None;
    }
    // A whole number beyond 64 bits becomes a floating-point number: no key accepts a whole number of that size.
    if all_digits(unsigned)
        && let Ok(whole) = text.parse()
    {
        return Some(YamlValue::Integer(whole));
    }
    text.parse().ok().map(YamlValue::Float)
}

fn based(digits: &str, radix: u32) -> Option<YamlValue> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let whole = i64::from_str_radix(digits, radix).map(YamlValue::Integer);
    Some(whole.unwrap_or(YamlValue::Float(f64::INFINITY)))
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, narrower than what Rust parses.
fn is_decimal(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => all_digits(fraction),
        Some((whole, fraction)) => {
            all_digits(whole) && (fraction.is_empty() || all_digits(fraction))
        }
        None => all_digits(mantissa),
    };
    mantissa_fits
        && exponent.is_none_or(|text| all_digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::plain;
    use crate::config::yaml::tree::YamlValue;

    #[test]
    fn plain_scalars_follow_the_yaml_core_schema() {
        let cases = [
            ("", YamlValue::Null),
            ("~", YamlValue::Null),
            ("NULL", YamlValue::Null),
            ("nUll", YamlValue::String("nUll".into())),
            ("true", YamlValue::Bool(true)),
            ("FALSE", YamlValue::Bool(false)),
            ("yes", YamlValue::String("yes".into())),
            ("off", YamlValue::String("off".into())),
            ("0", YamlValue::Integer(0)),
            ("-12", YamlValue::Integer(-12)),
            ("+12", YamlValue::Integer(12)),
            ("010", YamlValue::Integer(10)),
            ("0o17", YamlValue::Integer(15)),
            ("0xFf", YamlValue::Integer(255)),
            ("0x", YamlValue::String("0x".into())),
            ("0x+1", YamlValue::String("0x+1".into())),
            ("-0x1", YamlValue::String("-0x1".into())),
            ("1_000", YamlValue::String("1_000".into())),
            ("9223372036854775807", YamlValue::Integer(i64::MAX)),
            (
                "9223372036854775808",
                YamlValue::Float(9_223_372_036_854_775_808.0),
            ),
            ("1.", YamlValue::Float(1.0)),
            (".5", YamlValue::Float(0.5)),
            (".", YamlValue::String(".".into())),
            ("1e3", YamlValue::Float(1000.0)),
            ("-1.5E-1", YamlValue::Float(-0.15)),
            ("1e", YamlValue::String("1e".into())),
            ("-.inf", YamlValue::Float(f64::NEG_INFINITY)),
            ("inf", YamlValue::String("inf".into())),
            ("nan", YamlValue::String("nan".into())),
            ("30s", YamlValue::String("30s".into())),
            ("12:30", YamlValue::String("12:30".into())),
            ("2027-01-31", YamlValue::String("2027-01-31".into())),
        ];
        for (text, expected) in cases {
            // Debug does not show values, so the comparison is made here.
            assert!(
                plain(text) == expected,
                "{text:?} was read as {:?}",
                plain(text)
            );
        }
        assert!(matches!(plain(".nan"), YamlValue::Float(number) if number.is_nan()));
    }
}
