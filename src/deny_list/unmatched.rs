//! Entries of a deny list that name no token, because no issuer entry accepts their issuer.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use accredit_core::authn::issuer_names::IssuerNames;
use accredit_core::revocation::list::DenyList;
use accredit_core::revocation::source::DenyListSource;

/// The issuers of such entries.
#[derive(Debug)]
pub(crate) struct UnmatchedIssuers {
    first: String,
    /// How many issuers there are besides the first.
    others: usize,
}

/// The issuers of the configurations that use a deny list. A configuration that is no longer in force is removed.
#[derive(Default)]
pub(in crate::deny_list) struct ListUsers(Mutex<Vec<Weak<IssuerNames>>>);

impl UnmatchedIssuers {
    /// `None` if every entry can name a token.
    pub(crate) fn of(list: &DenyList, issuers: &IssuerNames) -> Option<UnmatchedIssuers> {
        UnmatchedIssuers::collect(issuers.unmatched(list))
    }

    fn collect<'a>(mut issuers: impl Iterator<Item = &'a str>) -> Option<UnmatchedIssuers> {
        let first = issuers.next()?.to_owned();
        let others = issuers.count();
        Some(UnmatchedIssuers { first, others })
    }

    fn log(&self, source: &DenyListSource) {
        tracing::warn!(
            %source, issuer = self.first, other_issuers = self.others,
            "the deny list names an issuer that no issuer entry accepts; its entries refuse no token"
        );
    }
}

impl ListUsers {
    /// Adds a configuration. Reports the issuers that the list in force names and that this configuration does not have.
    pub(in crate::deny_list) fn add(
        &self,
        issuers: &Arc<IssuerNames>,
        list: Option<&DenyList>,
        source: &DenyListSource,
    ) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|user| user.strong_count() > 0);
        users.push(Arc::downgrade(issuers));
        drop(users);
        let unmatched = list.and_then(|list| UnmatchedIssuers::of(list, issuers));
        if let Some(unmatched) = unmatched {
            unmatched.log(source);
        }
    }

    /// Reports the issuers that a new list names and that no configuration has.
    pub(in crate::deny_list) fn report(&self, list: &DenyList, source: &DenyListSource) {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let users: Vec<Arc<IssuerNames>> = users.iter().filter_map(Weak::upgrade).collect();
        if users.is_empty() {
            return;
        }
        let is_unmatched = |issuer: &&str| !users.iter().any(|user| user.accept(issuer));
        let unmatched = UnmatchedIssuers::collect(list.issuers().filter(is_unmatched));
        if let Some(unmatched) = unmatched {
            unmatched.log(source);
        }
    }
}

impl fmt::Display for UnmatchedIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "names the issuer {:?}", self.first)?;
        if self.others > 0 {
            write!(f, " and {} others", self.others)?;
        }
        f.write_str(", which no issuer entry accepts, so that its entries refuse no token")
    }
}
