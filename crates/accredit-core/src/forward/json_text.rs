//! JSON as the text of a header: ASCII without white space between the values (`as: json_text`).

use std::fmt::Write as _;

/// The JSON text with every character that is not printable ASCII as `\uXXXX`. White space between values is left out: a line
/// break there means nothing, and no header can carry it.
///
/// `json` is valid JSON, so that other characters occur inside its strings only, where an escape means the same.
pub(crate) fn header_text(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut is_in_string = false;
    let mut is_escaped = false;
    for character in json.chars() {
        match character {
            ' ' | '\t' | '\n' | '\r' if !is_in_string => continue,
            ' '..='~' => text.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing into a `String` cannot fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
        is_in_string ^= character == '"' && !is_escaped;
        is_escaped = is_in_string && character == '\\' && !is_escaped;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::header_text;

    #[test]
    fn json_becomes_ascii_of_the_same_value() {
        for (json, expected) in [
            (
                "{ \"a\" : [1.0,\n\t\"x y\"] }",
                r#"{"a":[1.0,"x y"]}"#.to_owned(),
            ),
            (
                "\"gr\u{fc}\u{df}e \u{1f600}\"",
                r#""gr\u00fc\u00dfe \ud83d\ude00""#.to_owned(),
            ),
            ("\"\u{7f}\u{85}\"", r#""\u007f\u0085""#.to_owned()),
            (r#""a \" b \\" "#, r#""a \" b \\""#.to_owned()),
            (r#"[ "\\" , "c d" ]"#, r#"["\\","c d"]"#.to_owned()),
            (
                " 12345678901234567890.50 ",
                "12345678901234567890.50".to_owned(),
            ),
            ("\"\\u00fc\"", r#""\u00fc""#.to_owned()),
        ] {
            let text = header_text(json);
            assert_eq!(text, expected, "{json}");
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect(json);
            assert_eq!(read(&text), read(json), "{json}");
        }
    }
}
