//! What an admission changes in the request, and what it adds to the dynamic metadata.

use std::sync::Arc;

use crate::authn::authenticator::attempt::CacheLookup;
use crate::authn::identity::Identity;
use crate::authn::removal::TokenRemoval;
use crate::authn::token_metadata::MetadataValue;
use crate::authz::answer::Admission;
use crate::authz::authorizer::{Authorizer, Decided};
use crate::authz::condition_input::RequestAtMoment;
use crate::authz::record::{DecisionRecord, TokenRecord};
use crate::authz::typed_metadata;
use crate::expression::Expression;
use crate::reason::Reason;
use crate::request::Request;
use crate::rules::rule::Rule;

impl Authorizer {
    pub(super) fn admit(
        &self,
        identity: Arc<Identity>,
        cache: Option<CacheLookup>,
        removal: TokenRemoval,
        request: &Request<'_>,
        rule: &Rule,
    ) -> Decided {
        let record = DecisionRecord {
            reason: Reason::Allowed,
            denial: None,
            is_shadow: false,
            rule: rule.name.clone(),
            token: TokenRecord::Verified(identity.clone()),
            cache,
        };
        let admission = self.admission(Some(identity), removal, request);
        Decided::Admit(record, admission)
    }

    pub(super) fn admit_anonymous(&self, request: &Request<'_>, rule: &Rule) -> Decided {
        let record = DecisionRecord {
            reason: Reason::Anonymous,
            denial: None,
            is_shadow: false,
            rule: rule.name.clone(),
            token: TokenRecord::NotRead,
            cache: None,
        };
        let admission = self.admission(None, TokenRemoval::default(), request);
        Decided::Admit(record, admission)
    }

    /// The claim headers of the identity, and every change that protects them.
    pub(super) fn admission(
        &self,
        identity: Option<Arc<Identity>>,
        removal: TokenRemoval,
        request: &Request<'_>,
    ) -> Admission {
        let set = identity
            .as_ref()
            .map_or(&[][..], |identity| &identity.headers);
        // Pseudo-headers have no look-alikes.
        let rewritten = removal.set.iter().map(|(name, _)| *name);
        let rewritten: Vec<&str> = rewritten.filter(|name| !name.starts_with(':')).collect();
        let names = request.headers.names();
        let remove = self.strip.removals(set, &rewritten, names, removal.remove);
        Admission::new(identity, removal.set, self.strip.clone(), remove)
    }

    /// The values of `metadata` for an admitted request. One that has none is left out.
    pub(super) fn metadata(
        &self,
        input: &RequestAtMoment<'_>,
        identity: Option<&Arc<Identity>>,
    ) -> Vec<(Arc<str>, MetadataValue)> {
        let variables = input.variables(identity.map(|identity| &**identity));
        let value = |(name, expression): &(Arc<str>, Expression)| {
            let value = expression.evaluate(&variables).ok()?;
            Some((name.clone(), typed_metadata::of_value(&value)?))
        };
        self.metadata.iter().filter_map(value).collect()
    }
}
