//! Values that a careless reader could decode as a JWT, although they are not JWTs.
//!
//! accredit must not ignore such a value: the upstream may read it instead of the verified token. A careless reader
//! decodes the part before or after the first dot, and does not check the signature.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// How often a value is percent-decoded. Servers decode once, and some programs behind them once more.
const MAX_DECODINGS: usize = 3;

/// An encrypted JWT has five parts (RFC 7516 section 7.1). Its header is readable, its claims are not.
const JWE_DOTS: usize = 4;

/// Whether the value has two dots, as a JWT in compact form has. Many servers percent-decode cookies, so that an encoded dot
/// counts too.
pub fn has_three_parts(value: &[u8]) -> bool {
    let dots = |value: &[u8]| value.iter().filter(|byte| **byte == b'.').count();
    dots(value) == 2 || value.contains(&b'%') && dots(&decoded(value)) == 2
}

/// Whether a careless reader could decode a header or claims from the value.
///
/// Readers differ about percent-decoding, so the value is examined after each decoding. No reader takes a value without
/// a dot for a JWT. A backslash, and in the last stage a `%`, which is no escape there, can stand for a dot (`\056` in
/// a quoted cookie, `%u002e`), so each stage is split at dots alone, and at these too.
pub fn resembles_jwt(value: &[u8]) -> bool {
    if is_jwe(value) {
        return value.split(is_dot).nth(1).is_some_and(begins_json_object);
    }
    let mut stage = Cow::Borrowed(value);
    for _ in 0..MAX_DECODINGS {
        if has_json_part(&stage, is_dot) || has_json_part(&stage, is_dot_or_backslash) {
            return true;
        }
        let Cow::Owned(further) = Cow::from(percent_decode(&stage)) else {
            break;
        };
        stage = Cow::Owned(further);
    }
    has_json_part(&stage, is_dot) || has_json_part(&stage, can_stand_for_a_dot)
}

fn is_dot_or_backslash(byte: &u8) -> bool {
    matches!(byte, b'.' | b'\\')
}

fn is_dot(byte: &u8) -> bool {
    *byte == b'.'
}

fn can_stand_for_a_dot(byte: &u8) -> bool {
    matches!(byte, b'.' | b'\\' | b'%')
}

/// Whether the value has the form of an encrypted JWT in compact serialization. Every reader splits it into the same parts.
fn is_jwe(value: &[u8]) -> bool {
    value.iter().filter(|byte| is_dot(byte)).count() == JWE_DOTS
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether the value has more than one part, and one of the first two begins a JSON object.
fn has_json_part(value: &[u8], is_separator: fn(&u8) -> bool) -> bool {
    let mut parts = value.split(is_separator);
    let (Some(first), Some(second)) = (parts.next(), parts.next()) else {
        return false;
    };
    begins_json_object(first) || begins_json_object(second)
}

/// The value percent-decoded until nothing changes, or `MAX_DECODINGS` times.
pub fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    let mut decoded = Cow::Borrowed(value);
    for _ in 0..MAX_DECODINGS {
        let Cow::Owned(further) = Cow::from(percent_decode(&decoded)) else {
            break;
        };
        decoded = Cow::Owned(further);
    }
    decoded
}

/// Whether the text is base64 or base64url of a JSON object with members. Decoders differ about the characters `+`,
/// `/`, `-` and `_` of the other alphabet, which they refuse, decode or skip; many skip every other character.
fn begins_json_object(text: &[u8]) -> bool {
    [(true, true), (true, false), (false, true), (false, false)]
        .into_iter()
        .any(|(standard, url)| {
            let digits = text.iter().filter_map(|byte| match byte {
                b'A'..=b'Z' => Some(byte - b'A'),
                b'a'..=b'z' => Some(byte - b'a' + 26),
                b'0'..=b'9' => Some(byte - b'0' + 52),
                b'+' if standard => Some(62),
                b'/' if standard => Some(63),
                b'-' if url => Some(62),
                b'_' if url => Some(63),
                _ => None,
            });
            begins_with_member(digits)
        })
}

/// Whether the octets begin with `{` and the name of a member: in quotes of either kind, or a word before a colon,
/// which lenient JSON readers accept. White space, byte-order marks, and the zero bytes of UTF-16 and UTF-32, which
/// some JSON readers detect, may stand before and between them. Checking for `{` alone would match one in sixteen
/// hexadecimal texts and many words (`example`).
fn begins_with_member(digits: impl Iterator<Item = u8>) -> bool {
    let mut progress = Progress::Outside;
    let mut bits = 0_u32;
    let mut count = 0_u32;
    for digit in digits {
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count < 8 {
            continue;
        }
        count -= 8;
        let octet = (bits >> count) & 0xff;
        progress = match (progress, u8::try_from(octet).unwrap_or_default()) {
            (_, 0x00 | 0x09..=0x0d | 0x20 | 0xef | 0xbb | 0xbf | 0xfe | 0xff) => progress,
            (Progress::Outside, b'{') => Progress::Inside,
            (Progress::Inside, b'"' | b'\'') | (Progress::InWord, b':') => return true,
            (Progress::Inside | Progress::InWord, octet) if is_of_word(octet) => Progress::InWord,
            _ => return false,
        };
    }
    false
}

/// How far the reader has come in the beginning of a JSON object.
#[derive(Clone, Copy)]
enum Progress {
    Outside,
    Inside,
    InWord,
}

fn is_of_word(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'$' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::{has_three_parts, resembles_jwt};

    #[test]
    fn what_a_careless_reader_could_decode_resembles_a_jwt() {
        for value in [
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9",
            "x.eyJzdWIiOiJhZG1pbiJ9",
            ".eyJzdWIiOiJhZG1pbiJ9.x.y.z",
            "eyJh==.x.y",
            "!e!y!J!h.x.y",
            "%65yJh.x.y",
            "%2565yJh.x.y",
            "eyJh%2Ex",
            "eyJh%252Ex",
            "eyJh\\056x",
            "eyJh%u002ex",
            "77u/eyJh.x.y",
            "ICB7ImEiOjF9.x.y",
            "x.ICB7CSJhIjoxfQ.y.z.z",
            "eyJhbGciOiJkaXIifQ.eyJzdWIiOiJhZG1pbiJ9.x.y.z",
            // UTF-16 and UTF-32 with and without a byte-order mark.
            "AHsAIgBhACI.x",
            "ewAiAGEAIgA.x",
            "_v8AewAiAGEAIg.x",
            "//57ACIAYQAiAA.x",
            "AAAAewAAACI.x",
            // A decoder of one alphabet skips the characters of the other.
            "-eyJh.x.y",
            "_-eyJh.x.y",
            "+eyJh.x.y",
            "+-eyJh.x.y",
            // Readers that split at dots alone find claims in the second part.
            "\\.eyJzdWIiOiJhZG1pbiJ9.x",
            "%.eyJzdWIiOiJhZG1pbiJ9.x",
            "x\\y.eyJzdWIiOiJhZG1pbiJ9.z",
            // A reader that does not percent-decode finds them there too.
            "x%2ey.eyJzdWIiOiJhZG1pbiJ9.z",
            // Five parts, but no encrypted JWT: some decoders skip the other characters.
            "eyJhbGciOiJub25lIn0\\\\.eyJzdWIiOiJhZG1pbiJ9.",
            "eyJhbGciOiJub25lIn0%%.eyJzdWIiOiJhZG1pbiJ9.x",
            "eyJhbGciOiJkaXIifQ..aaaa.bbbb.cc%2ecc",
            // {'sub':'admin'}, {sub:'admin'}, { sub : 1}
            "x.eydzdWInOidhZG1pbid9.y",
            "x.e3N1YjonYWRtaW4nfQ.y",
            "x.eyBzdWIgOiAxfQ.y",
        ] {
            assert!(resembles_jwt(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn values_of_other_cookies_do_not_resemble_a_jwt() {
        for value in [
            "",
            "abc",
            "1.2.3",
            "GA1.2.1234567890.1700000000",
            "GS1.1.1700000000.1.1.1700000001.60.0.0",
            "fb.1.1700000000000.1234567890",
            "s%3Aj4ZrhAAv.2b8Hk7n0",
            "5f0c1d8e-7a0b-4f3c-9f43-0c9a1f3b2d10",
            "BAh7B0kiD3Nlc3Npb25faWQGOgZFVEkiJTE--0f3a",
            // Base64 of JSON without a dot, as session cookies have it, is no JWT to any reader.
            "eyJ1c2VyIjoxfQ==",
            "eyJ1c2VyIjoxfQ%3D%3D",
            "a.b.c.d.e",
            "{\"a\":1}",
            // Identifiers whose first octets decode to `{` and something else than a quote.
            "e5b6d5c49c27abb44500c24d68a8ab4c.1f05f6f5a3425210",
            "e55d19e4-d0ad-407d-a689-342e74153228.1am7oCmrwhGhlMuk",
            "example.com",
            "mail.example",
            "e2e.run-7",
            "e2Fi.x",
            "exp.1700000000",
            // An encrypted JWT has no claims that a reader without its key could believe.
            "eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc",
        ] {
            assert!(!resembles_jwt(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn an_encoded_dot_separates_parts() {
        for value in ["a.b.c", "a%2Eb.c", "a%252eb%2Ec", "..", "a.b."] {
            assert!(has_three_parts(value.as_bytes()), "{value}");
        }
        for value in ["", "a.b", "a.b.c.d", "a%2b.c", "a%2"] {
            assert!(!has_three_parts(value.as_bytes()), "{value}");
        }
    }
}
