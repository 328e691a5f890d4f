//! What no client may say: the headers that are removed from every admitted request unless its token sets them.

use crate::forward::claim_headers::SetHeader;
use crate::forward::header_name::{HeaderName, HeaderPrefix, look_alike};

/// Envoy sets this header where it admits without an answer of ours; only Envoy may.
const FAILURE_MODE_ALLOWED: &str = "x-envoy-auth-failure-mode-allowed";

/// The headers that only a verified token can set.
#[derive(Clone, Debug)]
pub struct StripList {
    names: Vec<HeaderName>,
    prefixes: Vec<HeaderPrefix>,
}

/// What becomes of the token when its request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenForwarding {
    /// The upstream sees it.
    Keep,
    /// It is taken from the request.
    Remove,
}

impl StripList {
    /// `names` are all that any issuer's claims, the payload or the operator's list name.
    pub fn new(mut names: Vec<HeaderName>, prefixes: Vec<HeaderPrefix>) -> StripList {
        names.sort_unstable();
        names.dedup();
        StripList { names, prefixes }
    }

    /// What to remove from a request with these headers, when the token sets those. `also` are names that this
    /// answer removes for another reason; what looks like one of them goes too.
    pub fn removals<'a>(
        &self,
        set: &[SetHeader],
        request_names: impl Iterator<Item = &'a str>,
        also: &[String],
    ) -> Vec<String> {
        let is_set = |name: &str| set.iter().any(|header| header.name.as_str() == name);
        let unset = self
            .names
            .iter()
            .map(HeaderName::as_str)
            .filter(|name| !is_set(name));
        let mut removals: Vec<String> = unset
            .chain([FAILURE_MODE_ALLOWED])
            .chain(also.iter().map(String::as_str))
            .map(str::to_owned)
            .collect();
        let is_certain = |name: &str| removals.iter().any(|own| own == name);
        let is_ours = |name: &str| {
            self.claims_to_be_ours(name) || also.iter().any(|own| look_alike(own, name))
        };
        let mut pretenders: Vec<&str> = request_names
            .filter(|name| !is_set(name) && is_ours(name) && !is_certain(name))
            .collect();
        // Sorted, since to compare all with all would take a request of very many names very long.
        pretenders.sort_unstable();
        pretenders.dedup();
        removals.extend(pretenders.into_iter().map(str::to_owned));
        removals
    }

    fn claims_to_be_ours(&self, name: &str) -> bool {
        look_alike(FAILURE_MODE_ALLOWED, name)
            || self.prefixes.iter().any(|prefix| prefix.covers(name))
            || self.names.iter().any(|own| own.looks_like(name))
    }
}

#[cfg(test)]
mod tests {
    use super::StripList;
    use crate::forward::claim_headers::SetHeader;
    use crate::forward::header_name::{HeaderName, HeaderPrefix};

    fn name(text: &str) -> HeaderName {
        HeaderName::parse(text).expect("is a name")
    }

    #[test]
    fn a_client_never_speaks_for_a_claim() {
        let list = StripList::new(
            vec![name("x-jwt-sub"), name("x-org"), name("x-org")],
            vec![HeaderPrefix::parse("x-jwt-").expect("is a prefix")],
        );
        let set = [SetHeader {
            name: name("x-jwt-sub"),
            value: "s".into(),
        }];
        let request = [
            "x-jwt-sub",
            "x_jwt_sub",
            "x-jwt_sub",
            "x.jwt.sub",
            "x~jwt~sub",
            "x-jwt-other",
            "x_org",
            "accept",
            "x-envoy-auth-failure-mode-allowed",
            "x_envoy_auth_failure_mode_allowed",
        ];
        let mut removed = list.removals(&set, request.into_iter(), &[]);
        removed.sort();
        assert_eq!(
            removed,
            [
                "x-envoy-auth-failure-mode-allowed",
                "x-jwt-other",
                "x-jwt_sub",
                "x-org",
                "x.jwt.sub",
                "x_envoy_auth_failure_mode_allowed",
                "x_jwt_sub",
                "x_org",
                "x~jwt~sub",
            ]
        );
        let without_token = list.removals(&[], request.into_iter(), &["authorization".into()]);
        assert!(
            without_token.starts_with(&["x-jwt-sub".to_owned(), "x-org".into()]),
            "{without_token:?}"
        );
        assert!(without_token.contains(&"authorization".to_owned()));
        assert!(!without_token.contains(&"accept".to_owned()));
    }

    /// As many as a message of 4 MiB holds, in a time that is no outage of its worker even without optimisation.
    #[test]
    fn very_many_names_are_compared_with_the_few_of_the_configuration() {
        let list = StripList::new(
            vec![name("x-jwt-sub")],
            vec![HeaderPrefix::parse("x-jwt-").expect("is a prefix")],
        );
        let request: Vec<String> = (0..200_000).map(|n| format!("x-jwt-{n}")).collect();
        let removed = list.removals(&[], request.iter().map(String::as_str), &[]);
        assert_eq!(removed.len(), 2 + 200_000);
    }
}
