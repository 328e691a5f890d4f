//! The requests that a `match` of accredit selects.

use accredit_core::rules::host::HostPattern;
use accredit_core::rules::peer::{AddressRange, PrincipalPattern};

use crate::import::formula::Atom;
use crate::import::overlap::{
    Covers, address_covers, are_disjoint, common_elements, equal, host_covers, never, path_covers,
    paths_overlap, principal_covers, without_covered,
};
use crate::import::paths::PathRounding;
use crate::import::text_test::{TextKind, TextTest};

/// The conditions of a `match`. `None` is every value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestRegion {
    pub(crate) hosts: Option<Vec<String>>,
    pub(crate) methods: Option<Vec<String>>,
    pub(crate) paths: Option<Vec<String>>,
    pub(crate) principals: Option<Vec<String>>,
    pub(crate) addresses: Option<Vec<String>>,
    pub(crate) context: Vec<(String, String)>,
    pub(crate) is_preflight: bool,
}

/// The requests that two regions have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Common {
    Nothing,
    Region(RequestRegion),
    /// No single `match` selects these requests.
    Inexpressible,
}

impl RequestRegion {
    /// The requests for which a condition holds. `None` if no `match` selects them.
    pub(crate) fn of(atom: &Atom, rounding: PathRounding) -> Option<RequestRegion> {
        let mut region = RequestRegion::default();
        match atom {
            Atom::Paths(tests) => {
                let lists: Vec<_> = tests
                    .iter()
                    .map(|test| test.patterns(rounding))
                    .collect::<Option<_>>()?;
                region.paths = Some(without_covered(lists.concat(), path_covers));
            }
            Atom::Hosts(tests) => {
                let hosts: Vec<_> = tests.iter().map(host).collect::<Option<_>>()?;
                region.hosts = Some(without_covered(hosts, host_covers));
            }
            Atom::Methods(tests) => {
                region.methods = Some(tests.iter().map(method).collect::<Option<_>>()?);
            }
            Atom::Addresses(ranges) => {
                let are_ranges = ranges
                    .iter()
                    .all(|range| AddressRange::parse(range).is_ok());
                region.addresses = are_ranges.then(|| ranges.clone());
                region.addresses.as_ref()?;
            }
            Atom::Principals(tests) => {
                region.principals = Some(tests.iter().map(principal).collect::<Option<_>>()?);
            }
            Atom::Preflight => region.is_preflight = true,
            Atom::Context(name, value) => region.context.push((name.clone(), value.clone())),
            Atom::Header(..)
            | Atom::ForwardedHeader(..)
            | Atom::Token
            | Atom::Issuers(_)
            | Atom::Audiences(_)
            | Atom::Scopes(_)
            | Atom::Claim(_)
            | Atom::Expression(_) => return None,
        }
        Some(region)
    }

    pub(crate) fn is_everything(&self) -> bool {
        *self == RequestRegion::default()
    }

    /// The requests that both select.
    pub(crate) fn common(&self, other: &RequestRegion) -> Common {
        let mut region = self.clone();
        let lists: [(_, _, Covers, Covers); 5] = [
            (&mut region.hosts, &other.hosts, host_covers, never),
            (&mut region.methods, &other.methods, equal, never),
            (&mut region.paths, &other.paths, path_covers, paths_overlap),
            (
                &mut region.principals,
                &other.principals,
                principal_covers,
                never,
            ),
            (
                &mut region.addresses,
                &other.addresses,
                address_covers,
                never,
            ),
        ];
        for (own, other, covers, can_overlap) in lists {
            let both = match (&*own, other) {
                (None, other) => other.clone(),
                (own, None) => own.clone(),
                (Some(own), Some(other)) => {
                    match common_elements(own, other, covers, can_overlap) {
                        None => return Common::Inexpressible,
                        Some(both) if both.is_empty() => return Common::Nothing,
                        Some(both) => Some(both),
                    }
                }
            };
            *own = both;
        }
        for (name, value) in &other.context {
            match region.context.iter().find(|(own, _)| own == name) {
                Some((_, own)) if own != value => return Common::Nothing,
                Some(_) => {}
                None => region.context.push((name.clone(), value.clone())),
            }
        }
        region.is_preflight |= other.is_preflight;
        Common::Region(region)
    }

    /// Whether this surely selects every request that `other` selects.
    pub(crate) fn covers(&self, other: &RequestRegion) -> bool {
        let lists: [(_, _, Covers); 5] = [
            (&self.hosts, &other.hosts, host_covers),
            (&self.methods, &other.methods, equal),
            (&self.paths, &other.paths, path_covers),
            (&self.principals, &other.principals, principal_covers),
            (&self.addresses, &other.addresses, address_covers),
        ];
        let lists_cover = lists
            .into_iter()
            .all(|(own, other, covers)| match (own, other) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(own), Some(other)) => other
                    .iter()
                    .all(|other| own.iter().any(|own| covers(own, other))),
            });
        lists_cover
            && self
                .context
                .iter()
                .all(|entry| other.context.contains(entry))
            && (!self.is_preflight || other.is_preflight)
    }

    /// Whether the two surely have no request in common.
    pub(crate) fn is_disjoint(&self, other: &RequestRegion) -> bool {
        match self.common(other) {
            Common::Nothing => true,
            Common::Region(_) => false,
            Common::Inexpressible => {
                let lists = [(&self.paths, &other.paths)];
                lists.into_iter().any(|(own, other)| match (own, other) {
                    (Some(own), Some(other)) => own
                        .iter()
                        .all(|own| other.iter().all(|other| are_disjoint(own, other))),
                    _ => false,
                })
            }
        }
    }
}

/// A pattern of `hosts`.
fn host(test: &TextTest) -> Option<String> {
    let pattern = match &test.kind {
        TextKind::Exact(host) => host.to_ascii_lowercase(),
        TextKind::Suffix(suffix) if suffix.starts_with('.') => {
            format!("*{}", suffix.to_ascii_lowercase())
        }
        _ => return None,
    };
    HostPattern::parse(&pattern).is_ok().then_some(pattern)
}

/// A method. accredit denies requests whose method has a lower-case letter.
fn method(test: &TextTest) -> Option<String> {
    match &test.kind {
        TextKind::Exact(method)
            if !method.is_empty()
                && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') =>
        {
            Some(method.clone())
        }
        _ => None,
    }
}

/// A pattern of `principals`.
fn principal(test: &TextTest) -> Option<String> {
    let pattern = match (&test.kind, test.ignores_case) {
        (TextKind::Exact(text), false) if !text.contains('*') => text.clone(),
        (TextKind::Prefix(text), false) if !text.contains('*') => format!("{text}*"),
        (TextKind::Present, _) => "*".to_owned(),
        _ => return None,
    };
    let is_plain = !pattern.contains("${") && PrincipalPattern::parse(&pattern).is_ok();
    is_plain.then_some(pattern)
}

#[cfg(test)]
mod tests {
    use super::{Common, RequestRegion};

    fn of_paths(paths: &[&str]) -> RequestRegion {
        RequestRegion {
            paths: Some(paths.iter().map(|path| (*path).to_owned()).collect()),
            ..RequestRegion::default()
        }
    }

    #[test]
    fn the_common_part_of_two_regions_is_the_narrower_one() {
        let everything = RequestRegion::default();
        for (one, other, common) in [
            (
                &["/a/**"][..],
                &["/a/b"][..],
                Common::Region(of_paths(&["/a/b"])),
            ),
            (
                &["/a/**", "/c"],
                &["/**"],
                Common::Region(of_paths(&["/a/**", "/c"])),
            ),
            (&["/a"], &["/b"], Common::Nothing),
            (&["/a/**"], &["/b/**"], Common::Nothing),
            (&["/*/x"], &["/a/*"], Common::Inexpressible),
        ] {
            let (one, other) = (of_paths(one), of_paths(other));
            assert_eq!(one.common(&other), common);
            assert_eq!(one.common(&everything), Common::Region(one.clone()));
            assert!(everything.covers(&one) && !one.covers(&everything));
        }
    }
}
