//! Which clients may connect: names that their certificates must bear.

use std::fmt;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::config::tls_files::ClientName;

/// The client's certificate was made by a CA of ours for somebody who may not call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotListed {
    names: Vec<String>,
}

/// Whether a certificate, which a CA of ours has signed, bears one of these names. The subject's common name
/// counts for nothing, as everywhere since RFC 6125.
pub(crate) fn require_listed(certificate: &[u8], listed: &[ClientName]) -> Result<(), NotListed> {
    let borne = names_of(certificate);
    if borne.iter().any(|name| listed.contains(name)) {
        return Ok(());
    }
    let names = borne.iter().take(MOST_TOLD).map(ClientName::to_string);
    Err(NotListed {
        names: names.collect(),
    })
}

/// As many are told of a certificate that bears hundreds.
const MOST_TOLD: usize = 4;

/// What cannot be read bears no name.
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

// === impl NotListed ===

impl fmt::Display for NotListed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The CA vouched for the text, not for its being fit for a terminal.
        write!(
            f,
            "the client's certificate bears none of `client_names`; it names {:?}",
            self.names
        )
    }
}

impl std::error::Error for NotListed {}

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
