//! The `iss` values that the issuer entries accept.

use std::collections::HashMap;
use std::sync::Arc;

use crate::authn::tenants::{TenantIssuers, TenantMatch, Tenants};
use crate::revocation::list::DenyList;
use crate::token::claims::Claims;

/// Maps each accepted `iss` to its issuer entry, by the entry's position in the configuration.
#[derive(Debug, Default)]
pub struct IssuerNames {
    by_name: HashMap<Arc<str>, usize>,
    with_tenants: TenantIssuers,
}

impl IssuerNames {
    /// Adds a name of the entry at this position. A name that an earlier entry has stays with that entry.
    pub fn add(&mut self, name: &Arc<str>, position: usize, tenants: Option<&Tenants>) {
        self.by_name.entry(name.clone()).or_insert(position);
        if let Some(tenants) = tenants {
            self.with_tenants.add(name, position, tenants);
        }
    }

    /// Whether a token with this `iss` can be accepted.
    pub fn accept(&self, issuer: &str) -> bool {
        self.of_issuer(issuer).is_some() || self.with_tenants.name_of(issuer).is_some()
    }

    /// The issuers that a deny list names, and that no token can have.
    pub fn unmatched<'a>(&'a self, list: &'a DenyList) -> impl Iterator<Item = &'a str> {
        list.issuers().filter(|issuer| !self.accept(issuer))
    }

    /// A configured name, and the position of its entry.
    pub(in crate::authn) fn find(&self, name: &str) -> Option<(&Arc<str>, usize)> {
        let (name, position) = self.by_name.get_key_value(name)?;
        Some((name, *position))
    }

    /// The configured name that equals this `iss`, and the position of its entry. A name with a placeholder is not the
    /// `iss` of a token.
    pub(in crate::authn) fn of_issuer(&self, issuer: &str) -> Option<(&Arc<str>, usize)> {
        self.find(issuer).filter(|_| !issuer.contains('{'))
    }

    /// The entry with a placeholder that an `iss` belongs to, and whether these claims are of an accepted tenant.
    pub(in crate::authn) fn of_tenant(
        &self,
        issuer: &str,
        claims: &Claims,
    ) -> Option<TenantMatch<'_>> {
        self.with_tenants.find(issuer, claims)
    }

    /// The configured name that accepts this `iss`.
    pub(in crate::authn) fn name_of(&self, issuer: &str) -> Option<&Arc<str>> {
        self.find(issuer)
            .map(|(name, _)| name)
            .or_else(|| self.with_tenants.name_of(issuer))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use super::IssuerNames;
    use crate::authn::tenants::Tenants;

    #[test]
    fn names_accept_exact_issuers_and_listed_tenants_and_no_placeholder() {
        let mut names = IssuerNames::default();
        let listed = Tenants::OneOf(Arc::new(HashSet::from(["t-1".to_owned()])));
        for (position, (name, tenants)) in [
            ("https://a.example", None),
            ("https://b.example/{tid}/v2.0", Some(&listed)),
            ("https://{org}.c.example", Some(&Tenants::Any)),
        ]
        .into_iter()
        .enumerate()
        {
            names.add(&name.into(), position, tenants);
        }
        for (issuer, accepted) in [
            ("https://a.example", true),
            ("https://a.example/", false),
            ("https://b.example/t-1/v2.0", true),
            ("https://b.example/t-2/v2.0", false),
            ("https://b.example/{tid}/v2.0", false),
            ("https://x.c.example", true),
            ("https://{org}.c.example", false),
            ("", false),
        ] {
            assert_eq!(names.accept(issuer), accepted, "{issuer}");
        }
    }
}
