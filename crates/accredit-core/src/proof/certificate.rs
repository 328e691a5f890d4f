//! Tokens that are bound to a client certificate (RFC 8705 section 3).

use percent_encoding::percent_decode_str;

use crate::jose::digest::{are_equal, sha256};
use crate::jose::pem::first_certificate;
use crate::token::binding_error::BindingError;
use crate::token::confirmation::Thumbprint;

/// Compares a client certificate as Envoy sends it, URL-encoded PEM, with the one that a token is bound to.
///
/// # Errors
/// [`BindingError`]
pub fn judge(encoded: &str, bound: &Thumbprint) -> Result<(), BindingError> {
    if encoded.is_empty() {
        return Err(BindingError::NoCertificate);
    }
    let pem = percent_decode_str(encoded).decode_utf8();
    let der = pem.ok().and_then(|pem| first_certificate(&pem));
    let der = der.ok_or(BindingError::MalformedCertificate)?;
    if are_equal(&sha256(&der), bound) {
        Ok(())
    } else {
        Err(BindingError::OtherCertificate)
    }
}
