//! Escapes the characters of foreign text that a terminal or a page would act on: control characters, and those that
//! change the direction of writing (CONTRACT 6.5.3).

use std::borrow::Cow;

/// The text with each of these characters as `\u{..}`: for log lines as text, terminals and pages.
pub fn printable(text: &str) -> Cow<'_, str> {
    escape(text, is_control, |char| char.escape_unicode().to_string())
}

/// The same of JSON text, with JSON's own escapes. A serializer has escaped what JSON forbids in strings, so that the
/// remaining controls of ASCII are line ends between values.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    let is_raw = |char: char| char >= '\u{7f}' && is_control(char);
    escape(json, is_raw, |char| format!("\\u{:04x}", u32::from(char)))
}

fn escape(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    form: impl Fn(char) -> String,
) -> Cow<'_, str> {
    if !text.chars().any(&is_escaped) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match is_escaped(char) {
            true => escaped.push_str(&form(char)),
            false => escaped.push(char),
        }
    }
    escaped.into()
}

fn is_control(char: char) -> bool {
    // Unicode Bidirectional Algorithm (UAX 9), section 2: explicit formatting characters and isolates.
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_json};

    #[test]
    fn control_and_bidirectional_characters_are_escaped() {
        assert_eq!(
            printable("/a\u{1b}[2Jb\u{202e}c\n"),
            "/a\\u{1b}[2Jb\\u{202e}c\\u{a}"
        );
        assert_eq!(printable("/ä/日本"), "/ä/日本");
    }

    #[test]
    fn escaped_json_keeps_its_value_and_its_line_ends() {
        let value = serde_json::json!({ "path": "/\u{0}\u{1b}\u{7f}\u{85}\u{200f}\u{2069}ä\n" });
        let raw = format!("{value:#}\n");
        let escaped = printable_json(&raw);
        assert!(
            escaped.contains("\\u007f\\u0085\\u200f\\u2069ä\\n"),
            "{escaped}"
        );
        assert_eq!(escaped.lines().count(), raw.lines().count());
        let read: serde_json::Value = serde_json::from_str(&escaped).expect("is JSON");
        assert_eq!(read, value);
    }
}
