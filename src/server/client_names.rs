//! The names in a client's certificate, and whether one of them is listed.

use accredit_core::config::tls_files::ClientName;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// A trusted CA issued the client's certificate, but to a client that is not listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
// The names are quoted by `Debug`: the CA vouched for the client, not for a text that is harmless on a terminal.
#[error("the client's certificate has none of the names in client_names; it has {names:?}")]
pub(crate) struct NotListed {
    names: Vec<String>,
}

/// Checks that a certificate, which a trusted CA has signed, has one of these subject alternative names. The common
/// name is not read (RFC 6125).
pub(crate) fn require_listed(certificate: &[u8], listed: &[ClientName]) -> Result<(), NotListed> {
    let names = names_of(certificate);
    if names.iter().any(|name| listed.contains(name)) {
        return Ok(());
    }
    let names = names
        .iter()
        .take(MAX_NAMES_IN_ERROR)
        .map(ClientName::to_string);
    Err(NotListed {
        names: names.collect(),
    })
}

/// A certificate can have hundreds of names.
const MAX_NAMES_IN_ERROR: usize = 4;

/// A certificate that cannot be parsed has no names.
fn names_of(certificate: &[u8]) -> Vec<ClientName> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = alternatives.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(ClientName::Dns(name.to_ascii_lowercase())),
            GeneralName::URI(name) => Some(ClientName::Uri((*name).to_owned())),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_bears_no_name() {
        let listed = [ClientName::Dns("a".to_owned())];
        let refused = require_listed(b"no certificate", &listed);
        assert_eq!(refused, Err(NotListed { names: Vec::new() }));
    }
}
