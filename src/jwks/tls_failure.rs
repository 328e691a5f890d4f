//! Why a TLS handshake with an issuer failed, and what to change.

use thiserror::Error;

use crate::jwks::server_text::quoted;

/// Why a TLS handshake with an issuer failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TlsFailure {
    #[error(
        "the server's certificate is signed by an authority that is not trusted ({authority}{}); {}",
        if *is_rotated { ", and the trusted authority of that name has another key" } else { "" },
        trust_advice(*has_ca_file)
    )]
    UnknownAuthority {
        /// The issuer that the certificate names.
        authority: String,
        /// An authority of that name is trusted, with another key.
        is_rotated: bool,
        has_ca_file: bool,
    },
    #[error(
        "the server's certificate is for {}, not for {expected}; use one of its names in the address, or correct the certificate",
        names(presented)
    )]
    OtherName {
        expected: String,
        presented: Vec<String>,
    },
    #[error(
        "a certificate of the server expired at {since}; renew it, or correct this machine's clock"
    )]
    Expired { since: String },
    #[error(
        "a certificate of the server is not valid before {from}; correct this machine's clock, or the certificate"
    )]
    NotValidYet { from: String },
    #[error(
        "the server's certificate is X.509 version {0}, which TLS does not accept; issue a version 3 certificate with a subjectAltName"
    )]
    OldVersion(u32),
    #[error(
        "the server uses a CA certificate as its own certificate; to trust exactly this one, add it to jwks.ca_file"
    )]
    AuthorityAsServer,
    #[error("this machine has no CA certificates; install them, or set jwks.ca_file")]
    NoAuthorities,
    #[error("the server does not speak TLS at this port; correct the port, or the scheme")]
    NotTls,
    #[error("the server ended the handshake with the alert {0}")]
    Alert(String),
    #[error("{0}")]
    Other(String),
}

fn names(presented: &[String]) -> String {
    match presented {
        [] => "no name (it has no subjectAltName)".to_owned(),
        names => {
            let shown: Vec<String> = names.iter().take(8).map(|name| quoted(name)).collect();
            shown.join(", ")
        }
    }
}

fn trust_advice(has_ca_file: bool) -> &'static str {
    match has_ca_file {
        true => "add the authority's certificate to jwks.ca_file",
        false => "set jwks.ca_file to a PEM file with the authority's certificate",
    }
}
