//! The values that a condition reads (CONTRACT 3.11.3). They are collected only if the rule has a condition.

use std::collections::BTreeMap;

use crate::authn::identity::Identity;
use crate::authn::moment::Moment;
use crate::request::Request;
use crate::rules::condition::{Condition, Variables};
use crate::rules::demands::RuleDenial;
use crate::rules::facts::Facts;

/// A request at a moment.
#[derive(Clone, Copy)]
pub struct RequestAtMoment<'a> {
    pub request: &'a Request<'a>,
    /// Its host and path as rules match them.
    pub facts: &'a Facts<'a>,
    pub moment: Moment,
}

impl RequestAtMoment<'_> {
    /// Judges a condition, if there is one. Without an identity there are no claims.
    ///
    /// # Errors
    /// [`RuleDenial::ConditionFailed`]
    pub fn judge(
        &self,
        condition: Option<&Condition>,
        identity: Option<&Identity>,
    ) -> Result<(), RuleDenial> {
        let Some(condition) = condition else {
            return Ok(());
        };
        let scopes: Vec<&str> = identity
            .map(|identity| identity.token.scopes().iter().collect())
            .unwrap_or_default();
        let headers = self.joined_headers();
        let input = Variables {
            claims: identity.map(|identity| identity.token.claims()),
            scopes: &scopes,
            method: self.request.method,
            host: &self
                .facts
                .host
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            path: &self.path(),
            query: self
                .request
                .path
                .split_once('?')
                .map(|(_, query)| query)
                .unwrap_or_default(),
            headers: &headers,
            source_address: self.request.source_address,
            source_principal: self.request.source_principal,
            context: &self.request.context,
            now: self.moment.wall.seconds(),
        };
        if condition.holds(&input) {
            Ok(())
        } else {
            Err(RuleDenial::ConditionFailed {
                message: condition.message().cloned(),
            })
        }
    }

    /// The path that rules match, as one text.
    fn path(&self) -> String {
        match self.facts.path.segments() {
            Some(segments) => format!("/{}", segments.join("/")),
            None => String::new(),
        }
    }

    /// Repeated headers are joined by a comma. Bytes that are not UTF-8 become the replacement character.
    fn joined_headers(&self) -> Vec<(String, String)> {
        let mut joined: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in self.request.headers.iter() {
            let value = String::from_utf8_lossy(value);
            joined
                .entry(name)
                .and_modify(|values| {
                    values.push(',');
                    values.push_str(&value);
                })
                .or_insert_with(|| value.into_owned());
        }
        joined
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}
