//! Tokens that are bound to a client certificate (RFC 8705 section 3).

use percent_encoding::percent_decode_str;

use crate::jose::digest::{are_equal, sha256};
use crate::jose::pem::first_certificate;
use crate::request::ClientCertificate;
use crate::token::binding_error::BindingError;
use crate::token::confirmation::Thumbprint;

/// Compares the client certificate of a connection with the one that a token is bound to.
///
/// # Errors
/// [`BindingError`]
pub fn judge(certificate: ClientCertificate<'_>, bound: &Thumbprint) -> Result<(), BindingError> {
    let own = match certificate {
        ClientCertificate::Absent => return Err(BindingError::NoCertificate),
        ClientCertificate::Pem(encoded) => thumbprint_of_pem(encoded),
        ClientCertificate::Digest(digits) => thumbprint_of_hex(digits),
    };
    let own = own.ok_or(BindingError::MalformedCertificate)?;
    if are_equal(&own, bound) {
        Ok(())
    } else {
        Err(BindingError::OtherCertificate)
    }
}

fn thumbprint_of_pem(encoded: &str) -> Option<Thumbprint> {
    let pem = percent_decode_str(encoded).decode_utf8().ok()?;
    Some(sha256(&first_certificate(&pem)?))
}

/// Exactly 64 hexadecimal digits.
fn thumbprint_of_hex(digits: &str) -> Option<Thumbprint> {
    let mut own = Thumbprint::default();
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != own.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in own.iter_mut().zip(pairs) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(value(*high)? << 4 | value(*low)?).ok()?;
    }
    Some(own)
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::jose::digest::{sha256, sha256_hex};
    use crate::request::ClientCertificate;
    use crate::token::binding_error::BindingError;

    #[test]
    fn a_digest_in_hexadecimal_is_compared_with_the_one_of_the_token() {
        let bound = sha256(b"certificate");
        let digits = sha256_hex(&[b"certificate"]);
        let judge = |digits: &str| judge(ClientCertificate::of_digest(digits), &bound);
        assert_eq!(judge(&digits), Ok(()));
        assert_eq!(judge(&digits.to_uppercase()), Ok(()));
        assert_eq!(judge(""), Err(BindingError::NoCertificate));
        let other = sha256_hex(&[b"another"]);
        assert_eq!(judge(&other), Err(BindingError::OtherCertificate));
        for wrong in [
            &digits[..62],
            &digits[..63],
            &format!("{digits}0"),
            &format!("{digits}00"),
            &format!("{}+1", &digits[..62]),
            &format!("{}é", &digits[..62]),
            &format!("{}:{}", &digits[..31], &digits[32..]),
        ] {
            assert_eq!(
                judge(wrong),
                Err(BindingError::MalformedCertificate),
                "{wrong}"
            );
        }
    }
}
