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
    /// The first loop does not stop at the first byte that decides, and keeps bytes only, so that the processor compares sixteen
    /// of them at a time. A value is usually a whole token.
    pub(crate) fn of(value: &[u8]) -> ValueBytes {
        let folded = value
            .iter()
            .fold((u8::MAX, u8::MIN, 0), |(least, greatest, comma), byte| {
                let is_comma = u8::from(*byte == b',');
                (least.min(*byte), greatest.max(*byte), comma | is_comma)
            });
        let (least, greatest, comma) = folded;
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
        ValueBytes {
            are_plain: least >= b' ' && greatest <= b'~' || value.iter().all(is_plain),
            have_comma: comma != 0,
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

#[cfg(test)]
mod tests {
    use super::ValueBytes;

    #[test]
    fn each_byte_of_a_value_is_looked_at() {
        for length in [0, 1, 15, 16, 17, 100] {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut value = vec![b'x'; length];
                    value[at] = byte;
                    let found = ValueBytes::of(&value);
                    let is_plain = byte == b'\t' || byte == b' ' || byte.is_ascii_graphic();
                    assert_eq!(found.are_plain, is_plain, "{byte} at {at} of {length}");
                    assert_eq!(found.have_comma, byte == b',', "{byte} at {at} of {length}");
                }
            }
        }
        let empty = ValueBytes::of(b"");
        assert!(empty.are_plain && !empty.have_comma);
    }
}
