//! The headers that every admission removes unless the token sets them (CONTRACT 4.9.4, 4.9.5).

use crate::forward::header_name::{HeaderName, HeaderPrefix, first_bit, look_alike, shape_bit};

/// Envoy sets this header if it admits a request because accredit failed. A client must not.
const FAILURE_MODE_ALLOWED: &str = "x-envoy-auth-failure-mode-allowed";

/// The headers that only a verified token can set.
#[derive(Clone, Debug)]
pub struct StripList {
    names: Vec<HeaderName>,
    prefixes: Vec<HeaderPrefix>,
    /// The bits of [`shape_bit`] of all names. Most headers of a request have another one, and cannot look like any of the names.
    shapes: u64,
    /// The same with the bits of [`first_bit`] of all prefixes.
    firsts: u64,
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
        let shapes = names.iter().map(HeaderName::as_str);
        let shapes = shapes.chain([FAILURE_MODE_ALLOWED]).map(shape_bit);
        let firsts = prefixes.iter().map(HeaderPrefix::as_str).map(first_bit);
        StripList {
            shapes: shapes.fold(0, |shapes, shape| shapes | shape),
            firsts: firsts.fold(0, |firsts, first| firsts | first),
            names,
            prefixes,
        }
    }

    /// The names that an admission removes: all but those that its token sets. `sets` tells whether the token sets a header.
    pub(crate) fn unset(&self, sets: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        let names = self.names.iter().map(HeaderName::as_str);
        names
            .filter(move |name| !sets(name))
            .chain([FAILURE_MODE_ALLOWED])
    }

    /// The headers to remove beside [`StripList::unset`] from a request with these headers: `also`, which the admission removes
    /// for another reason, and look-alikes of all of them and of `rewritten`, which it sets without the token.
    pub(crate) fn removals<'a>(
        &self,
        sets: impl Fn(&str) -> bool,
        rewritten: &[&str],
        request_names: impl Iterator<Item = &'a str>,
        also: Vec<String>,
    ) -> Vec<String> {
        let is_set = |name: &str| sets(name) || rewritten.contains(&name);
        let changed = || {
            also.iter()
                .map(String::as_str)
                .chain(rewritten.iter().copied())
        };
        let shapes = changed()
            .map(shape_bit)
            .fold(0, |shapes, shape| shapes | shape);
        let is_protected = |name: &str| {
            let shape = shape_bit(name);
            self.is_reserved_for_tokens(name, shape)
                || shapes & shape != 0 && changed().any(|own| look_alike(own, name))
        };
        // None of these is set: that is asked first, because a request can have many headers.
        let is_listed = |name: &str| {
            name == FAILURE_MODE_ALLOWED
                || also.iter().any(|own| own == name)
                || self
                    .names
                    .binary_search_by(|own| own.as_str().cmp(name))
                    .is_ok()
        };
        let mut look_alikes: Vec<&str> = request_names
            .filter(|name| is_protected(name) && !is_set(name) && !is_listed(name))
            .collect();
        // Sorted to find repeated names: comparing each with each would take too long for a request with many names.
        look_alikes.sort_unstable();
        look_alikes.dedup();
        let mut removals = also;
        removals.extend(look_alikes.into_iter().map(str::to_owned));
        removals
    }

    /// `shape` is the [`shape_bit`] of the name.
    fn is_reserved_for_tokens(&self, name: &str, shape: u64) -> bool {
        let is_named = || {
            look_alike(FAILURE_MODE_ALLOWED, name)
                || self.names.iter().any(|own| own.looks_like(name))
        };
        let is_covered = || self.prefixes.iter().any(|prefix| prefix.covers(name));
        self.shapes & shape != 0 && is_named() || self.firsts & first_bit(name) != 0 && is_covered()
    }
}

#[cfg(test)]
mod tests {
    use super::StripList;
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
        let removals = |set: &[&str], also: &[&str]| -> Vec<String> {
            let also = also.iter().map(|name| (*name).to_owned()).collect();
            let sets = |name: &str| set.contains(&name);
            let unset = list.unset(sets).map(str::to_owned);
            let others = list.removals(sets, &[], request.into_iter(), also);
            unset.chain(others).collect()
        };
        let mut removed = removals(&["x-jwt-sub"], &[]);
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
        let without_token = removals(&[], &["authorization"]);
        assert!(
            without_token.starts_with(&["x-jwt-sub".to_owned(), "x-org".into()]),
            "{without_token:?}"
        );
        assert!(without_token.contains(&"authorization".to_owned()));
        assert!(!without_token.contains(&"accept".to_owned()));
    }

    #[test]
    fn look_alikes_of_a_rewritten_header_are_removed() {
        let list = StripList::new(vec![], vec![]);
        let request = ["cookie", "sec-websocket-protocol", "sec_websocket.protocol"];
        let rewritten = ["cookie", "sec-websocket-protocol"];
        let removed = list.removals(|_| false, &rewritten, request.into_iter(), vec![]);
        assert_eq!(removed, ["sec_websocket.protocol"]);
    }

    #[test]
    fn look_alikes_that_differ_in_their_first_character_are_removed() {
        let prefixes = vec![HeaderPrefix::parse("_own-").expect("is a prefix")];
        let list = StripList::new(vec![name("_internal"), name("7up")], prefixes);
        let request = [
            "-internal",
            ".internal",
            "-own-a",
            "~own_b",
            "7up",
            "wup",
            "internal",
        ];
        let mut removed = list.removals(|_| false, &[], request.into_iter(), Vec::new());
        removed.sort();
        assert_eq!(removed, ["-internal", "-own-a", ".internal", "~own_b"]);
    }

    /// A message of 4 MiB has about that many names. Quadratic time would block its worker thread.
    #[test]
    fn many_request_headers_take_linear_time() {
        let set: Vec<String> = (0..200).map(|n| format!("x-jwt-claim-{n}")).collect();
        let list = StripList::new(
            set.iter().map(|own| name(own)).collect(),
            vec![HeaderPrefix::parse("x-jwt-").expect("is a prefix")],
        );
        let sets = |name: &str| set.iter().any(|own| own == name);
        let request: Vec<String> = (0..200_000).map(|n| format!("x-jwt-{n}")).collect();
        let removed = list.removals(sets, &[], request.iter().map(String::as_str), Vec::new());
        assert_eq!(removed.len(), 200_000);
    }
}
