//! The first certificate of a PEM text (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The DER bytes of the first certificate. `None` if there is none, or it is not base64.
pub fn first_certificate(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok().filter(|der| !der.is_empty())
}

#[cfg(test)]
mod tests {
    use super::first_certificate;

    #[test]
    fn the_first_certificate_of_a_pem_text_is_decoded() {
        let pem = |body: &str| {
            format!("x\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        let two = pem("AQID\r\nBAU=") + &pem("////");
        assert_eq!(first_certificate(&two), Some(vec![1, 2, 3, 4, 5]));
        for bad in [
            pem(""),
            pem("A"),
            pem("A B="),
            pem("AQI"),
            "AQID".to_owned(),
            String::new(),
        ] {
            assert_eq!(first_certificate(&bad), None, "{bad}");
        }
        assert_eq!(
            first_certificate("-----BEGIN CERTIFICATE-----\nAQID\n"),
            None
        );
    }
}
