//! The files that a configuration names: `check` reports those that cannot be used (CONTRACT 2.4.4).

use std::path::{Path, PathBuf};

use accredit_core::config::document::{ConfigDocument, TlsDocument};
use accredit_core::config::issuer_document::JwksDocument;
use accredit_core::config::path;
use accredit_core::config::problem::Problems;
use accredit_core::config::sentence::Sentence;
use accredit_core::config::tls_files::TlsFiles;
use accredit_core::keys::access::{ClientIdentityFiles, KeyAccess};
use accredit_core::keys::key_set::KeySet;

use crate::app::check_deny_list::check_deny_list;
use crate::jwks::bearer_file;
use crate::jwks::trust::{TrustFileError, TrustStore};
use crate::regular_file;
use crate::server::tls;
use crate::server::tls_files;
use crate::server::tls_files_error::TlsFilesError;

/// Adds a problem for each file that accredit could not use.
pub(crate) fn check_files(document: &ConfigDocument, problems: &mut Problems) {
    for (key, tls) in [("tls", &document.tls), ("admin_tls", &document.admin_tls)] {
        if let Some(tls) = tls {
            check_tls(key, tls, problems);
        }
    }
    if let Some(file) = document
        .revoked
        .as_ref()
        .and_then(|revoked| revoked.file.as_ref())
        && let Err(error) = check_deny_list(Path::new(file), document, problems)
    {
        unreadable("revoked.file", file, &error, problems);
    }
    if let Some(file) = document
        .revoked
        .as_ref()
        .and_then(|revoked| revoked.ca_file.as_ref())
    {
        check_ca_file("revoked.ca_file", file, problems);
    }
    for (number, issuer) in document.issuers.iter().enumerate() {
        let Some(jwks) = &issuer.jwks else {
            continue;
        };
        let key = path::member(&path::item("issuers", number), "jwks");
        if let Some(file) = &jwks.file {
            check_key_set(&path::member(&key, "file"), Path::new(file), problems);
        }
        if let Some(file) = &jwks.ca_file {
            check_ca_file(&path::member(&key, "ca_file"), file, problems);
        }
        check_access(&key, jwks, problems);
    }
}

fn check_access(key: &str, jwks: &JwksDocument, problems: &mut Problems) {
    if let Some(file) = &jwks.bearer_file
        && let Err(error) = bearer_file::authorization(Path::new(file))
    {
        let key = path::member(key, "bearer_file");
        let what = Sentence::own("").and_cause(&key, &error);
        problems.error(&key, what, "name a file with one bearer token");
    }
    if let (Some(certificate), Some(private_key)) = (&jwks.client_certificate, &jwks.client_key) {
        let access = KeyAccess {
            client_identity: Some(ClientIdentityFiles {
                certificate: PathBuf::from(certificate),
                private_key: PathBuf::from(private_key),
            }),
            ..KeyAccess::default()
        };
        if let Err(TrustFileError::Identity(error)) = TrustStore::of_files(None, &access) {
            let key = path::member(key, "client_certificate");
            let what = Sentence::own("").and_cause(&key, &error);
            let advice = "name a PEM file with a certificate, and one with its private key";
            problems.error(&key, what, advice);
        }
    }
}

fn check_ca_file(key: &str, file: &str, problems: &mut Problems) {
    if let Err(TrustFileError::CaFile { error, .. }) = TrustStore::of_file(Path::new(file)) {
        problems.error(
            key,
            Sentence::quoting(key, file).and(format!(" {error}")),
            "name a PEM file with the certificates of certificate authorities",
        );
    }
}

fn check_tls(key: &str, tls: &TlsDocument, problems: &mut Problems) {
    let (Some(certificate), Some(private_key)) = (&tls.certificate, &tls.private_key) else {
        return;
    };
    let own = TlsFiles {
        certificate: PathBuf::from(certificate),
        private_key: PathBuf::from(private_key),
        client_ca: None,
        client_names: Vec::new(),
    };
    let load = |files: &TlsFiles| -> Result<(), TlsFilesError> {
        let contents = tls_files::read(files)?;
        tls_files::load(files, &contents, &[], tls::now()).map(drop)
    };
    let mut readable = true;
    for (name, file) in [("certificate", certificate), ("private_key", private_key)] {
        if let Err(error) = regular_file::read(Path::new(file), MAX_FILE) {
            readable = false;
            unreadable(&path::member(key, name), file, &error, problems);
        }
    }
    if readable && let Err(error) = load(&own) {
        let name = match error {
            TlsFilesError::NoKey(_) | TlsFilesError::UnusableKey(_) => "private_key",
            TlsFilesError::OtherKey { .. } => "private_key",
            _ => "certificate",
        };
        let advice = "replace the file, or name another one";
        problems.error(&path::member(key, name), fault(key, error), advice);
    }
    if let Some(client_ca) = &tls.client_ca {
        let (tls_key, key) = (key, path::member(key, "client_ca"));
        match regular_file::read(Path::new(client_ca), MAX_FILE) {
            Err(error) => unreadable(&key, client_ca, &error, problems),
            Ok(pem) => {
                if let Err(error) = tls_files::check_client_ca(Path::new(client_ca), &pem) {
                    let advice = "replace the file, or name another one";
                    problems.error(&key, fault(tls_key, error), advice);
                }
            }
        }
    }
}

/// What is wrong with the files of the TLS mapping at a key path, of which the error names one or two.
fn fault(key: &str, error: TlsFilesError) -> Sentence {
    Sentence::own("").and_cause(key, &error)
}

fn check_key_set(key: &str, file: &Path, problems: &mut Problems) {
    let text = match regular_file::read(file, MAX_FILE) {
        Ok(text) => text,
        Err(error) => return unreadable(key, &file.display().to_string(), &error, problems),
    };
    if let Err(error) = KeySet::parse(&text) {
        problems.error(
            key,
            Sentence::quoting(key, &file.to_string_lossy())
                .and(format!(" is not a key set: {error}")),
            "write the JSON text of a key set into the file",
        );
    }
}

fn unreadable(key: &str, file: &str, error: &std::io::Error, problems: &mut Problems) {
    problems.error(
        key,
        Sentence::quoting(key, file).and(format!(" cannot be read: {error}")),
        "name a regular file that this user can read",
    );
}

/// The limit of a fetched key set; certificates are smaller.
const MAX_FILE: u64 = 1 << 20;
