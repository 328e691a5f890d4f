//! Which clients may connect: names that their certificates must bear.

use std::fmt;
use std::str::FromStr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// A name in a client's certificate, as one of its subject alternative names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientName {
    /// `gateway.example`; letters in lower case, no wildcard: it is who may call, not where.
    Dns(String),
    /// `spiffe://cluster.local/ns/istio-system/sa/ingressgateway`, character by character.
    Uri(String),
}

/// A text is no name that a client's certificate could bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientNameError;

/// The client's certificate was made by a CA of ours for somebody who may not call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotListed {
    names: Vec<String>,
}

// === impl ClientName ===

impl FromStr for ClientName {
    type Err = ClientNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((scheme, rest)) = text.split_once("://") {
            let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
            let named = !rest.is_empty() && scheme.starts_with(|c: char| c.is_ascii_alphabetic());
            return match printable && named {
                true => Ok(Self::Uri(text.to_owned())),
                false => Err(ClientNameError),
            };
        }
        match text.len() <= 253 && text.split('.').all(is_label) {
            true => Ok(Self::Dns(text.to_ascii_lowercase())),
            false => Err(ClientNameError),
        }
    }
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(allowed)
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

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Dns(name) | Self::Uri(name)) = self;
        f.write_str(name)
    }
}

// === impl ClientNameError, NotListed ===

impl fmt::Display for ClientNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is neither a URI, such as spiffe://domain/path, nor a DNS name")
    }
}

impl std::error::Error for ClientNameError {}

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
    fn names_are_uris_or_dns_names() {
        for (text, name) in [
            ("spiffe://a/b", ClientName::Uri("spiffe://a/b".to_owned())),
            ("Edge.Example", ClientName::Dns("edge.example".to_owned())),
            ("envoy", ClientName::Dns("envoy".to_owned())),
        ] {
            assert_eq!(text.parse(), Ok(name), "{text}");
        }
        for text in [
            "",
            "*.a.example",
            "a..b",
            "-a",
            "a b",
            "://x",
            "spiffe://",
            "spiffe://a b",
            "a/b",
            "a:b",
            "a.",
        ] {
            assert_eq!(text.parse::<ClientName>(), Err(ClientNameError), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_bears_no_name() {
        let listed = [ClientName::Dns("a".to_owned())];
        let refused = require_listed(b"no certificate", &listed);
        assert_eq!(refused, Err(NotListed { names: Vec::new() }));
    }
}
