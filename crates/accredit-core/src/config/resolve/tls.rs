//! `tls` and `admin_tls`. The server reads the files when it opens the port.

use std::path::PathBuf;

use crate::config::document::TlsDocument;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::config::tls_files::{ClientName, ClientNameError, TlsFiles};

/// `None` if TLS is off, or if a problem was reported.
pub(crate) fn tls(
    key: &str,
    tls: Option<&TlsDocument>,
    problems: &mut Problems,
) -> Option<TlsFiles> {
    let tls = tls.filter(|tls| **tls != TlsDocument::default())?;
    let client_names = client_names(key, tls, problems);
    match (&tls.certificate, &tls.private_key) {
        (Some(certificate), Some(private_key)) => Some(TlsFiles {
            certificate: PathBuf::from(certificate),
            private_key: PathBuf::from(private_key),
            client_ca: tls.client_ca.as_ref().map(PathBuf::from),
            client_names,
        }),
        _ => {
            problems.error(
                key,
                "TLS needs both `certificate` and `private_key`",
                "write the paths of both PEM files, or leave the mapping empty for no TLS",
            );
            None
        }
    }
}

fn client_names(key: &str, tls: &TlsDocument, problems: &mut Problems) -> Vec<ClientName> {
    let listed = path::member(key, "client_names");
    let client_ca = path::member(key, "client_ca");
    if tls.client_names.is_some() && tls.client_ca.is_none() && !problems.is_repaired(&client_ca) {
        // Without `client_ca`, no certificate is required, so every client could connect.
        problems.error(
            &listed,
            "client_names has no effect without client_ca",
            "set client_ca",
        );
    }
    let mut names = Vec::new();
    for (number, text) in tls.client_names.iter().flatten().enumerate() {
        match text.parse() {
            Ok(name) => names.push(name),
            Err(error) => {
                let error: ClientNameError = error;
                problems.error(
                    &path::item(&listed, number),
                    Sentence::own(error.to_string()),
                    "write the name as the client's certificate has it, without a wildcard",
                );
            }
        }
    }
    names
}
