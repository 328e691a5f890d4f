//! Text that strangers chose, made safe to look at.

use std::borrow::Cow;

/// The text, with what a terminal or a page would obey (control characters, and those that turn the direction of writing) escaped.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return text.into();
    }
    text.chars()
        .map(|char| match is_obeyed(char) {
            true => char.escape_unicode().to_string(),
            false => char.to_string(),
        })
        .collect::<String>()
        .into()
}

fn is_obeyed(char: char) -> bool {
    // Unicode Bidirectional Algorithm (UAX 9), section 2: explicit formatting characters and isolates.
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_would_be_obeyed_is_escaped() {
        assert_eq!(
            printable("/a\u{1b}[2Jb\u{202e}c\n"),
            "/a\\u{1b}[2Jb\\u{202e}c\\u{a}"
        );
        assert_eq!(printable("/ä/日本"), "/ä/日本");
    }
}
