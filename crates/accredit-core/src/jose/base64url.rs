//! Base64url as RFC 7515 section 2 has it: no padding, no white space, and one encoding per value.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

/// Text that is not base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBase64Url;

/// Decodes one segment of a token. Padding and non-zero trailing bits are errors, so that no two texts of a
/// token mean the same bytes.
///
/// # Errors
/// [`NotBase64Url`] for everything that is not the one encoding of some bytes.
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}

/// Decodes a member of a JWK. Here padding is tolerated: the text comes from the issuer, and nothing is
/// keyed by it.
///
/// # Errors
/// [`NotBase64Url`] for everything else that is not base64url.
pub fn decode_jwk_member(text: &str) -> Result<Vec<u8>, NotBase64Url> {
    const PADDING_INDIFFERENT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, PADDING_OPTIONAL);
    const PADDING_OPTIONAL: GeneralPurposeConfig =
        NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
    PADDING_INDIFFERENT.decode(text).map_err(|_| NotBase64Url)
}

/// Encodes without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::{NotBase64Url, decode, decode_jwk_member, encode};

    #[test]
    fn a_segment_has_exactly_one_encoding() {
        assert_eq!(decode("AQAB"), Ok(vec![1, 0, 1]));
        assert_eq!(decode("_-8"), Ok(vec![0xff, 0xef]));
        for text in ["AQ==", "AR", "A", "AQ\n", "A+8", "A/8", " AQ", "AQ é"] {
            assert_eq!(decode(text), Err(NotBase64Url), "{text:?}");
        }
        assert_eq!(encode(&[0xff, 0xef]), "_-8");
    }

    #[test]
    fn a_key_member_may_be_padded() {
        assert_eq!(decode_jwk_member("AQ=="), Ok(vec![1]));
        assert_eq!(decode_jwk_member("AQ"), Ok(vec![1]));
        assert_eq!(decode_jwk_member("AR"), Err(NotBase64Url));
    }
}
