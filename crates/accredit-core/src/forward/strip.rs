//! The headers that every admission removes unless the token sets them (CONTRACT 4.9.4, 4.9.5).

use crate::forward::claim_headers::SetHeader;
use crate::forward::header_name::{HeaderName, HeaderPrefix, look_alike};

/// Envoy sets this header if it admits a request because accredit failed. A client must not.
const FAILURE_MODE_ALLOWED: &str = "x-envoy-auth-failure-mode-allowed";

/// The headers that only a verified token can set.
#[derive(Clone, Debug)]
pub struct StripList {
    names: Vec<HeaderName>,
    prefixes: Vec<HeaderPrefix>,
}

/// Whether the upstream receives the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenForwarding {
    Keep,
    Remove,
}

impl StripList {
    /// `names` are the names of all claim headers, of the payload header and of `strip_headers`.
    pub fn new(mut names: Vec<HeaderName>, prefixes: Vec<HeaderPrefix>) -> StripList {
        names.sort_unstable();
        names.dedup();
        StripList { names, prefixes }
    }

    /// The headers to remove from a request with these headers, if the token sets `set`. `also` are names that the
    /// admission removes for another reason. Look-alikes of all of them are removed too.
    pub(crate) fn removals<'a>(
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
        let is_listed = |name: &str| removals.iter().any(|own| own == name);
        let is_protected = |name: &str| {
            self.is_reserved_for_tokens(name) || also.iter().any(|own| look_alike(own, name))
        };
        let mut look_alikes: Vec<&str> = request_names
            .filter(|name| !is_set(name) && is_protected(name) && !is_listed(name))
            .collect();
        // Sorted to find repeated names: comparing each with each would take too long for a request with many names.
        look_alikes.sort_unstable();
        look_alikes.dedup();
        removals.extend(look_alikes.into_iter().map(str::to_owned));
        removals
    }

    fn is_reserved_for_tokens(&self, name: &str) -> bool {
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
    fn claim_headers_and_look_alikes_from_the_client_are_removed() {
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

    /// A message of 4 MiB has about that many names. Quadratic time would block its worker thread.
    #[test]
    fn many_request_headers_take_linear_time() {
        let list = StripList::new(
            vec![name("x-jwt-sub")],
            vec![HeaderPrefix::parse("x-jwt-").expect("is a prefix")],
        );
        let request: Vec<String> = (0..200_000).map(|n| format!("x-jwt-{n}")).collect();
        let removed = list.removals(&[], request.iter().map(String::as_str), &[]);
        assert_eq!(removed.len(), 2 + 200_000);
    }
}
