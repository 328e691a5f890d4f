//! TLS of a port: which keys go together. The files themselves are read when the port is opened.

use std::path::PathBuf;

use crate::config::document::Tls;
use crate::config::path;
use crate::config::problem::Problems;
use crate::server::client_names::ClientName;
use crate::server::tls_files::TlsFiles;

/// `None` where no TLS is asked for, or a problem was reported.
pub(crate) fn tls(key: &str, tls: Option<&Tls>, problems: &mut Problems) -> Option<TlsFiles> {
    let tls = tls.filter(|tls| **tls != Tls::default())?;
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

fn client_names(key: &str, tls: &Tls, problems: &mut Problems) -> Vec<ClientName> {
    let listed = path::member(key, "client_names");
    if tls.client_names.is_some() && tls.client_ca.is_none() {
        // Nobody would have vouched for the names; taken literally, everybody could connect.
        problems.error(
            &listed,
            "names count only in certificates of a known authority",
            "set client_ca too",
        );
    }
    let mut names = Vec::new();
    for (number, text) in tls.client_names.iter().flatten().enumerate() {
        match text.parse() {
            Ok(name) => names.push(name),
            Err(error) => {
                let error: crate::server::client_names::ClientNameError = error;
                problems.error(
                    &path::item(&listed, number),
                    error.to_string(),
                    "write the name as the client's certificate has it, without wildcard",
                );
            }
        }
    }
    names
}
