//! The confirmation of a token: the keys of which its sender has to prove possession (`cnf`, RFC 7800).

use crate::jose::base64url;
use crate::token::claims::Claims;

/// A SHA-256 digest: of a public key (RFC 7638) or of a certificate.
pub type Thumbprint = [u8; 32];

/// What the sender of a bound token has to prove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// `jkt`: possession of this key, by a DPoP proof (RFC 9449 section 6).
    pub key: Option<Thumbprint>,
    /// `x5t#S256`: the connection presents this certificate (RFC 8705 section 3.1).
    pub certificate: Option<Thumbprint>,
    /// There is a member that accredit cannot check, or none at all.
    pub is_unsupported: bool,
}

impl Confirmation {
    /// The confirmation of a token; `None` if it is not bound. Of several members, each has to be proven.
    pub fn read(claims: &Claims) -> Option<Confirmation> {
        let members = claims.confirmation()?;
        let mut confirmation = Confirmation::default();
        for (name, value) in members.iter() {
            if value.is_null() {
                continue;
            }
            let thumbprint = value.as_str().and_then(thumbprint);
            match (name, thumbprint) {
                ("jkt", Some(key)) => confirmation.key = Some(key),
                ("x5t#S256", Some(certificate)) => confirmation.certificate = Some(certificate),
                _ => confirmation.is_unsupported = true,
            }
        }
        if confirmation.key.is_none() && confirmation.certificate.is_none() {
            confirmation.is_unsupported = true;
        }
        Some(confirmation)
    }
}

fn thumbprint(text: &str) -> Option<Thumbprint> {
    base64url::decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::Confirmation;
    use crate::token::claims::Claims;

    const DIGEST: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn members_that_cannot_be_checked_make_a_confirmation_unsupported() {
        for (members, key, certificate, is_unsupported) in [
            ("'jkt':'D'", true, false, false),
            ("'x5t#S256':'D'", false, true, false),
            ("'jkt':'D','x5t#S256':'D','jwk':null", true, true, false),
            ("", false, false, true),
            ("'jkt':null", false, false, true),
            ("'jkt':'D','jwk':{}", true, false, true),
            ("'x5t#S256':'D','kid':'a'", false, true, true),
            ("'jkt':'Dx'", false, false, true),
            ("'jkt':'D='", false, false, true),
            ("'jkt':'AAAA'", false, false, true),
            ("'jkt':['D']", false, false, true),
            ("'x5t':'D'", false, false, true),
        ] {
            let claims = format!("{{'cnf':{{{members}}}}}").replace('D', DIGEST);
            let claims = Claims::parse(claims.replace('\'', "\"").as_bytes()).expect("are claims");
            let read = Confirmation::read(&claims).expect("is bound");
            assert_eq!(
                (
                    read.key.is_some(),
                    read.certificate.is_some(),
                    read.is_unsupported
                ),
                (key, certificate, is_unsupported),
                "{members}"
            );
        }
        for claims in ["{}", r#"{"cnf":null}"#] {
            let claims = Claims::parse(claims.as_bytes()).expect("are claims");
            assert_eq!(Confirmation::read(&claims), None);
        }
    }
}
