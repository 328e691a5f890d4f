//! `tenants`, and placeholders in `issuer`.

use std::collections::HashSet;
use std::sync::Arc;

use crate::authn::issuer_template::IssuerTemplate;
use crate::authn::tenants::Tenants;
use crate::config::issuer_document::{IssuerDocument, JwksDocument, TenantsDocument};
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::sentence::Sentence;

/// Reports an issuer with braces that is not one with a placeholder.
pub fn is_template(key: &str, name: &str, entry: &IssuerDocument, problems: &mut Problems) -> bool {
    if entry.tenants.is_none() {
        problems.error(
            key,
            "this issuer contains `{` or `}`, and `tenants` is not set",
            "write the `iss` of one tenant, as its tokens have it, or set `tenants`",
        );
        return false;
    }
    match IssuerTemplate::parse(name) {
        Ok(template) => template.is_some(),
        Err(error) => {
            problems.error(
                key,
                Sentence::own("").and_cause(key, &error),
                "write an issuer such as https://login.example/{tid}/v2.0",
            );
            false
        }
    }
}

/// `None` without a placeholder, and where a problem was reported.
pub fn tenants(
    key: &str,
    entry: &IssuerDocument,
    names: &[Arc<str>],
    problems: &mut Problems,
) -> Option<Tenants> {
    let document = entry.tenants.as_ref()?;
    let key = path::member(key, "tenants");
    let templates: Vec<IssuerTemplate> = templates(names).collect();
    // A bad name is reported at its own key.
    let has_bad_name = names.len() < entry.issuer.as_slice().len();
    if templates.is_empty() && !has_bad_name {
        problems.error(
            &key,
            "no issuer of this entry has a placeholder",
            "write a placeholder into `issuer`, such as https://login.example/{tid}/v2.0, or remove `tenants`",
        );
        return None;
    }
    let listed = match document {
        TenantsDocument::Any(_) => return Some(Tenants::Any),
        TenantsDocument::OneOf(listed) => listed,
    };
    let mut seen = HashSet::new();
    for (number, tenant) in listed.iter().enumerate() {
        let key = path::item(&key, number);
        if templates
            .iter()
            .any(|template| template.issuer_of(tenant).is_none())
        {
            problems.error(
                &key,
                Sentence::quoting(&key, tenant).and(" cannot be a segment of an issuer"),
                "write the value that `iss` of this tenant's tokens has in place of the placeholder",
            );
        } else if !seen.insert(tenant.clone()) {
            problems.error(
                &key,
                Sentence::quoting(&key, tenant).and(" is listed twice"),
                "remove one of them",
            );
        }
    }
    Some(Tenants::OneOf(Arc::new(seen)))
}

/// The issuers of an entry whose tenants are listed, for discovery. Names without a placeholder stay as they are.
pub fn issuers_of(names: &[Arc<str>], tenants: Option<&Tenants>) -> Vec<Arc<str>> {
    let Some(Tenants::OneOf(listed)) = tenants else {
        return names.to_vec();
    };
    let mut issuers = Vec::new();
    for name in names {
        match IssuerTemplate::parse(name) {
            Ok(Some(template)) => {
                let own = listed
                    .iter()
                    .filter_map(|tenant| template.issuer_of(tenant));
                // Two suffice, because an entry with more than one issuer cannot use discovery.
                issuers.extend(own.take(2).map(Arc::from));
            }
            _ => issuers.push(name.clone()),
        }
    }
    issuers
}

/// Whether an entry accepts every tenant, and the address of its keys would depend on the tenant.
pub fn is_any_without_keys(entry: &IssuerDocument) -> bool {
    let is_fixed =
        |jwks: &JwksDocument| jwks.uri.is_some() || jwks.file.is_some() || jwks.inline.is_some();
    matches!(entry.tenants, Some(TenantsDocument::Any(_)))
        && !entry.jwks.as_ref().is_some_and(is_fixed)
}

fn templates(names: &[Arc<str>]) -> impl Iterator<Item = IssuerTemplate> {
    names
        .iter()
        .filter_map(|name| IssuerTemplate::parse(name).ok().flatten())
}
