//! The deny list of a configuration: `check` reports its faults, and the issuers of entries that name no token.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use accredit_core::authn::issuer_names::IssuerNames;
use accredit_core::authn::tenants::Tenants;
use accredit_core::config::document::ConfigDocument;
use accredit_core::config::issuer_document::{IssuerDocument, TenantsDocument};
use accredit_core::config::problem::Problems;
use accredit_core::config::sentence::Sentence;
use accredit_core::config::warning::WarningCode;

use crate::deny_list::error::DenyListError;
use crate::deny_list::loading;
use crate::deny_list::unmatched::UnmatchedIssuers;

const KEY: &str = "revoked.file";

/// Adds a problem for each fault of the list, with its line in the file, and a warning for entries that name no token.
///
/// # Errors
/// The error of a file that cannot be read.
pub(crate) fn check_deny_list(
    file: &Path,
    document: &ConfigDocument,
    problems: &mut Problems,
) -> io::Result<()> {
    let name = file.to_string_lossy();
    let list = match loading::read_file(file) {
        Ok(list) => list,
        Err(DenyListError::Unusable { unusable, .. }) => {
            for fault in unusable.faults {
                problems.error(
                    KEY,
                    Sentence::quoting(KEY, &name).and(format!(", {fault}")),
                    "correct the deny list; a running service keeps its last good one",
                );
            }
            return Ok(());
        }
        Err(DenyListError::File { cause, .. }) => return Err(cause),
        Err(error) => {
            problems.error(KEY, Sentence::own(error.to_string()), "correct the file");
            return Ok(());
        }
    };
    if let Some(unmatched) = UnmatchedIssuers::of(&list, &issuer_names(document)) {
        problems.warn(
            WarningCode::RevokedIssuerUnknown,
            KEY,
            Sentence::quoting(KEY, &name).and(format!(" {unmatched}")),
            "write the issuer as `iss` of the tokens has it",
        );
    }
    Ok(())
}

/// The names of all issuer entries, also of those that have problems of their own.
fn issuer_names(document: &ConfigDocument) -> IssuerNames {
    let mut names = IssuerNames::default();
    for (position, entry) in document.issuers.iter().enumerate() {
        let tenants = tenants(entry);
        for name in entry.issuer.as_slice() {
            names.add(&Arc::from(name.as_str()), position, tenants.as_ref());
        }
    }
    names
}

fn tenants(entry: &IssuerDocument) -> Option<Tenants> {
    Some(match entry.tenants.as_ref()? {
        TenantsDocument::Any(_) => Tenants::Any,
        TenantsDocument::OneOf(listed) => {
            Tenants::OneOf(Arc::new(listed.iter().cloned().collect::<HashSet<_>>()))
        }
    })
}
