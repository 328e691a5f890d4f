//! Escaping of text from outside, for terminals and pages.

use std::borrow::Cow;

/// The text with control characters and bidirectional controls escaped as `\u{..}`: a terminal or a page would act on
/// them.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return text.into();
    }
    text.chars()
        .map(|char| match is_control(char) {
            true => char.escape_unicode().to_string(),
            false => char.to_string(),
        })
        .collect::<String>()
        .into()
}

fn is_control(char: char) -> bool {
    // Unicode Bidirectional Algorithm (UAX 9), section 2: explicit formatting characters and isolates.
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            printable("/a\u{1b}[2Jb\u{202e}c\n"),
            "/a\\u{1b}[2Jb\\u{202e}c\\u{a}"
        );
        assert_eq!(printable("/ä/日本"), "/ä/日本");
    }
}
