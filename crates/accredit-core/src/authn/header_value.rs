//! Header values as bytes: white space around them, their list elements, and what can be sent on.

/// Without the spaces and tabs around it (RFC 9110 section 5.5).
pub fn trimmed(value: &[u8]) -> &[u8] {
    let start = value
        .iter()
        .position(|byte| !is_blank(*byte))
        .unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|byte| !is_blank(*byte))
        .map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// Whether the byte can be part of a name or an authentication scheme (`tchar` of RFC 9110 section 5.6.2).
pub(crate) fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The kinds of bytes that a value contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValueBytes {
    /// Every byte is visible ASCII, a space or a tab.
    pub(crate) are_plain: bool,
    pub(crate) have_comma: bool,
}

impl ValueBytes {
    /// The loop does not stop at the first byte that decides, so that the compiler can compare many bytes at a time. A
    /// value is usually a whole token.
    pub(crate) fn of(value: &[u8]) -> ValueBytes {
        let (are_plain, have_comma) = value.iter().fold((true, false), |(plain, comma), byte| {
            (
                plain & (matches!(byte, b' '..=b'~') | (*byte == b'\t')),
                comma | (*byte == b','),
            )
        });
        ValueBytes {
            are_plain,
            have_comma,
        }
    }
}

/// The bytes as text, if an answer can set a header to them: answers carry text, and Envoy refuses control characters.
pub(crate) fn expressible(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|text| {
        text.bytes()
            .all(|byte| byte == b'\t' || !byte.is_ascii_control())
    })
}

/// Whether the byte is a space or a tab.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
