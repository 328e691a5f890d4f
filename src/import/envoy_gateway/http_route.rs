//! The requests of an `HTTPRoute`, in the order in which Envoy Gateway prefers its matches.

use std::cmp::Reverse;

use serde_json::Value;

use crate::import::envoy::matchers::{host, no_equivalent};
use crate::import::formula::{Atom, Formula};
use crate::import::input::ForeignDocument;
use crate::import::members::Members;
use crate::import::paths::PathTest;
use crate::import::report::ImportReport;
use crate::import::text_test::{TextKind, TextTest};

/// The requests of one match of a rule of a route, on one host of the route.
#[derive(Clone, Debug)]
pub(crate) struct RouteRequests {
    pub(crate) region: Formula,
    /// The name of the rule in the route, if the rule has one.
    pub(crate) section: Option<String>,
    /// Of two matches of a request, Envoy Gateway chooses the one with the lower rank.
    pub(crate) rank: MatchRank,
}

/// How Envoy Gateway prefers matches: it compares the fields in this order, and the lower value wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MatchRank {
    host: HostRank,
    path: PathRank,
    /// The match with more headers is preferred. Envoy Gateway counts the method as one: it writes it as an exact match of the header
    /// `:method`.
    headers: MatchCount,
    queries: MatchCount,
}

/// The number of matches of headers or of query parameters: the match with more is preferred, and then the one with more exact ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct MatchCount {
    all: Reverse<usize>,
    exact: Reverse<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum HostRank {
    Exact,
    /// The longer suffix is preferred.
    Suffix(Reverse<usize>),
    Every,
}

/// The longer path of one kind is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathRank {
    Exact(Reverse<usize>),
    Regex(Reverse<usize>),
    Prefix(Reverse<usize>),
}

/// One element of `matches` of a rule.
struct RouteMatch {
    formula: Formula,
    path: PathRank,
    headers: MatchCount,
    queries: MatchCount,
}

impl MatchRank {
    /// Whether the match compares a host and a path only, and the path not by a regular expression. Two such matches of one rank and
    /// with different regions have no request in common.
    pub(crate) fn compares_host_and_path_only(&self) -> bool {
        let nothing = MatchCount::default();
        !matches!(self.path, PathRank::Regex(_))
            && self.headers == nothing
            && self.queries == nothing
    }
}

impl MatchCount {
    fn of(matches: &[Members<'_>]) -> MatchCount {
        let is_exact =
            |own: &&Members<'_>| matches!(own.text("type").as_deref(), None | Some("Exact"));
        MatchCount {
            all: Reverse(matches.len()),
            exact: Reverse(matches.iter().filter(is_exact).count()),
        }
    }

    fn plus(self, exact: usize) -> MatchCount {
        MatchCount {
            all: Reverse(self.all.0 + exact),
            exact: Reverse(self.exact.0 + exact),
        }
    }
}

impl RouteMatch {
    /// A rule without `matches` matches every path.
    fn every_path() -> RouteMatch {
        RouteMatch {
            formula: Formula::always(),
            path: PathRank::Prefix(Reverse(1)),
            headers: MatchCount::default(),
            queries: MatchCount::default(),
        }
    }
}

/// Whether a document is an HTTPRoute.
pub(crate) fn is_http_route(document: &ForeignDocument) -> bool {
    document.value.get("kind").and_then(Value::as_str) == Some("HTTPRoute")
}

/// The requests of a route, one element for each host and match.
pub(crate) fn requests(document: &ForeignDocument, report: &ImportReport) -> Vec<RouteRequests> {
    let Some(spec) = document.value.get("spec") else {
        return Vec::new();
    };
    let spec = Members::of(&format!("{}: spec", document.at), spec, report);
    let hosts = spec.texts("hostnames").unwrap_or_default();
    if hosts.is_empty() {
        report.note(format_args!(
            "{}: the route has no `hostnames`, so its rules match every host; add `hosts` if the listener of the Gateway limits the hosts",
            document.at
        ));
    }
    let hosts: Vec<(HostRank, Formula)> = match hosts.is_empty() {
        true => vec![(HostRank::Every, Formula::always())],
        false => hosts
            .iter()
            .map(|own| host_rank(own, spec.place(), report))
            .collect(),
    };
    let mut found = Vec::new();
    for rule in spec.mappings("rules") {
        let section = rule.text("name");
        let matches = rule.mappings("matches");
        let matches = match matches.is_empty() {
            true => vec![RouteMatch::every_path()],
            false => matches.into_iter().map(route_match).collect(),
        };
        for (host, at_host) in &hosts {
            for own in &matches {
                found.push(RouteRequests {
                    region: Formula::all([at_host.clone(), own.formula.clone()]),
                    section: section.clone(),
                    rank: MatchRank {
                        host: *host,
                        path: own.path,
                        headers: own.headers,
                        queries: own.queries,
                    },
                });
            }
        }
    }
    found
}

/// A hostname of a route, such as `api.acme.example` or `*.acme.example`.
fn host_rank(text: &str, at: &str, report: &ImportReport) -> (HostRank, Formula) {
    match text.strip_prefix('*') {
        Some(suffix) => (
            HostRank::Suffix(Reverse(text.len())),
            host(
                TextTest::new(TextKind::Suffix(suffix.to_owned())),
                at,
                report,
            ),
        ),
        None => (HostRank::Exact, host(TextTest::exact(text), at, report)),
    }
}

fn route_match(members: Members<'_>) -> RouteMatch {
    let (at, report) = (members.place().to_owned(), members.report());
    let mut parts = Vec::new();
    let mut rank = PathRank::Prefix(Reverse(1));
    if let Some(path) = members.mapping("path") {
        let value = path.text("value").unwrap_or_else(|| "/".to_owned());
        let length = Reverse(value.len());
        rank = PathRank::Prefix(length);
        let test = match path.text("type").as_deref() {
            Some("Exact") => {
                rank = PathRank::Exact(length);
                Some(PathTest::Text(TextTest::exact(value)))
            }
            Some("RegularExpression") => {
                rank = PathRank::Regex(length);
                Some(PathTest::Text(TextTest::new(TextKind::Regex(value))))
            }
            None | Some("PathPrefix") => match value.as_str() {
                "/" => None,
                _ => Some(PathTest::AtOrBelow(value)),
            },
            Some(_) => {
                parts.push(no_equivalent(&at, "this match of a path", report));
                None
            }
        };
        parts.extend(test.map(|test| Formula::Atom(Atom::Paths(vec![test]))));
        path.report_unread();
    }
    let method = members.text("method");
    let methods = usize::from(method.is_some());
    parts.extend(method.map(|method| Formula::Atom(Atom::Methods(vec![TextTest::exact(method)]))));
    let headers = members.mappings("headers");
    let header_count = MatchCount::of(&headers).plus(methods);
    for header in headers {
        let test = match header.text("type").as_deref() {
            None | Some("Exact") => header.text("value").map(TextTest::exact),
            Some("RegularExpression") => header
                .text("value")
                .map(|text| TextTest::new(TextKind::Regex(text))),
            Some(_) => None,
        };
        parts.push(match header.text("name").zip(test) {
            Some((name, test)) => Formula::Atom(Atom::Header(name, Some(test))),
            None => no_equivalent(&at, "this match of a header", report),
        });
        header.report_unread();
    }
    let queries = members.mappings("queryParams");
    let query_count = MatchCount::of(&queries);
    if !queries.is_empty() {
        parts.push(no_equivalent(&at, "a match of query parameters", report));
    }
    // An unknown member can narrow the match.
    if members.has_unread() {
        parts.push(Formula::Unknown);
    }
    members.report_unread();
    RouteMatch {
        formula: Formula::all(parts),
        path: rank,
        headers: header_count,
        queries: query_count,
    }
}
