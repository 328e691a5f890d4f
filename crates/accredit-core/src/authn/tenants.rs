//! The tenants of an issuer entry with a placeholder (CONTRACT 8.2).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::authn::issuer_template::{IssuerTemplate, shapes};
use crate::token::claims::Claims;

/// The tenants whose tokens an issuer entry accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// Every tenant for which the issuer's keys sign.
    Any,
    OneOf(Arc<HashSet<String>>),
}

/// Why a token of an issuer with a placeholder is refused. The error contains no value of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    #[error("`tenants` does not list the tenant that `iss` names")]
    NotListed,
    #[error("the claim with the name of the placeholder differs from that segment of `iss`")]
    OtherClaim,
    #[error("the token has no claim with the name of the placeholder, or it is not a text")]
    NoClaim,
}

/// The issuers with a placeholder, by their shape. The cost of a lookup depends on the length of an `iss` only.
#[derive(Debug, Default)]
pub(in crate::authn) struct TenantIssuers(HashMap<String, TenantIssuer>);

#[derive(Debug)]
struct TenantIssuer {
    template: IssuerTemplate,
    name: Arc<str>,
    /// The place of the entry in the configuration.
    position: usize,
    tenants: Tenants,
}

/// The issuer entry that the `iss` of a token belongs to.
pub(in crate::authn) struct TenantMatch<'a> {
    /// The issuer as configured, with its placeholder.
    pub(in crate::authn) name: &'a Arc<str>,
    pub(in crate::authn) position: usize,
    pub(in crate::authn) judged: Result<(), TenantError>,
}

impl Tenants {
    fn accept(&self, tenant: &str) -> bool {
        match self {
            Tenants::Any => true,
            Tenants::OneOf(listed) => listed.contains(tenant),
        }
    }
}

impl TenantIssuers {
    /// Adds the name of an entry. Returns whether it has a placeholder.
    pub(in crate::authn) fn add(
        &mut self,
        name: &Arc<str>,
        position: usize,
        tenants: &Tenants,
    ) -> bool {
        let Ok(Some(template)) = IssuerTemplate::parse(name) else {
            return false;
        };
        let shape = template.shape();
        self.0.entry(shape).or_insert_with(|| TenantIssuer {
            template,
            name: name.clone(),
            position,
            tenants: tenants.clone(),
        });
        true
    }

    /// The entry of an `iss`, and whether these claims are of an accepted tenant.
    pub(in crate::authn) fn find(&self, issuer: &str, claims: &Claims) -> Option<TenantMatch<'_>> {
        let (own, tenant) = self.look_up(issuer)?;
        let claim = own.template.claim().find(claims.object());
        let judged = match claim.and_then(|claim| claim.as_str()) {
            None => Err(TenantError::NoClaim),
            Some(claim) if claim != tenant => Err(TenantError::OtherClaim),
            Some(_) if !own.tenants.accept(tenant) => Err(TenantError::NotListed),
            Some(_) => Ok(()),
        };
        Some(TenantMatch {
            name: &own.name,
            position: own.position,
            judged,
        })
    }

    /// The configured name that an `iss` belongs to, if its tenant is accepted.
    pub(in crate::authn) fn name_of(&self, issuer: &str) -> Option<&Arc<str>> {
        let (own, tenant) = self.look_up(issuer)?;
        own.tenants.accept(tenant).then_some(&own.name)
    }

    fn look_up<'i>(&self, issuer: &'i str) -> Option<(&TenantIssuer, &'i str)> {
        if self.0.is_empty() {
            return None;
        }
        shapes(issuer).find_map(|shape| {
            let own = self.0.get(&shape)?;
            Some((own, own.template.tenant_of(issuer)?))
        })
    }
}
