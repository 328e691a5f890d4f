//! YAML text: scalars, lists and durations as lines of a configuration.

use accredit_core::config::yaml::scalar;
use accredit_core::config::yaml::tree::YamlValue;

/// A text as a scalar of YAML that is read as this text.
pub(crate) fn scalar_text(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/_.:@+-".contains(&b))
        && !text.ends_with(':')
        && matches!(scalar::plain(text), YamlValue::String(_));
    match is_plain {
        true => text.to_owned(),
        false => quoted_text(text),
    }
}

/// A text in quotes: single ones where no character needs an escape.
pub(crate) fn quoted_text(text: &str) -> String {
    match text.chars().any(char::is_control) {
        true => serde_json::Value::from(text).to_string(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// A list on one line.
pub(crate) fn list_text<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    let scalars: Vec<String> = texts.into_iter().map(|text| scalar_text(text)).collect();
    format!("[{}]", scalars.join(", "))
}

/// The name of a claim. A name with dots is a list.
pub(crate) fn claim_text(name: &[String]) -> String {
    match name
        .iter()
        .any(|part| part.is_empty() || part.contains('.'))
    {
        true => list_text(name),
        false => scalar_text(&name.join(".")),
    }
}

/// A duration in the units of the configuration.
pub(crate) fn duration_text(milliseconds: u64) -> String {
    match milliseconds {
        0 => "0s".to_owned(),
        hours if hours % 3_600_000 == 0 => format!("{}h", hours / 3_600_000),
        minutes if minutes % 60_000 == 0 && minutes > 60_000 => format!("{}m", minutes / 60_000),
        seconds if seconds % 1000 == 0 => format!("{}s", seconds / 1000),
        milliseconds => format!("{milliseconds}ms"),
    }
}

#[cfg(test)]
mod tests {
    use accredit_core::config::yaml::read::read_all;
    use accredit_core::config::yaml::tree::YamlValue;

    use super::{duration_text, scalar_text};

    #[test]
    fn every_text_is_read_back_as_it_was_written() {
        for text in [
            "api.acme.example",
            "https://a.example/x?y=1",
            "/a/**",
            "*",
            "1",
            "1e3",
            "true",
            "null",
            "~",
            "",
            " a ",
            "a: b",
            "a #b",
            "it's",
            "\"",
            "\\",
            "a\nb",
            "\u{85}",
            "ü",
            "- a",
            "@x",
            "%",
            "[a]",
            "{a}",
            "a,b",
            "x:",
            ":",
            "0x1f",
            "<<",
        ] {
            for line in [
                format!("a: {}", scalar_text(text)),
                format!("a: [{}]", scalar_text(text)),
            ] {
                let read = read_all(&line).unwrap_or_else(|wrong| panic!("{line}: {wrong:?}"));
                let YamlValue::Mapping(members) = &read[0].value else {
                    panic!("{line}");
                };
                let value = match &members[0].1.value {
                    YamlValue::Sequence(items) => &items[0].value,
                    value => value,
                };
                assert!(*value == YamlValue::String(text.to_owned()), "{line}");
            }
        }
    }

    #[test]
    fn durations_have_the_largest_unit_that_fits() {
        for (milliseconds, text) in [
            (0, "0s"),
            (1500, "1500ms"),
            (60_000, "60s"),
            (300_000, "5m"),
            (7_200_000, "2h"),
        ] {
            assert_eq!(duration_text(milliseconds), text);
        }
    }
}
