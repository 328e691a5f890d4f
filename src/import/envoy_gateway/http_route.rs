//! The requests of an `HTTPRoute`, in the order in which Envoy Gateway prefers its matches.

use std::cmp::Reverse;

use serde_json::Value;

use crate::import::envoy::matchers::{host, reported};
use crate::import::formula::{Atom, Formula};
use crate::import::input::ForeignDocument;
use crate::import::members::Members;
use crate::import::paths::PathTest;
use crate::import::report::ImportReport;
use crate::import::text_test::{TextKind, TextTest};

/// A match of a rule of a route, for one of its hosts.
#[derive(Clone, Debug)]
pub(crate) struct RouteRequests {
    pub(crate) region: Formula,
    /// The name of its rule in the route, if it has one.
    pub(crate) section: Option<String>,
    /// A lower one is preferred.
    pub(crate) rank: MatchRank,
}

/// Host, kind of path, path, method, headers.
pub(crate) type MatchRank = (HostRank, u8, Reverse<usize>, bool, Reverse<usize>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HostRank {
    Exact,
    Suffix(Reverse<usize>),
    Every,
}

/// Whether a document is an HTTPRoute.
pub(crate) fn is_http_route(document: &ForeignDocument) -> bool {
    document.value.get("kind").and_then(Value::as_str) == Some("HTTPRoute")
}

pub(crate) fn requests(document: &ForeignDocument, report: &ImportReport) -> Vec<RouteRequests> {
    let Some(spec) = document.value.get("spec") else {
        return Vec::new();
    };
    let spec = Members::of(&format!("{}: spec", document.at), spec, report);
    let hosts = spec.texts("hostnames").unwrap_or_default();
    if hosts.is_empty() {
        report.note(format_args!(
            "{}: the route has no `hostnames`, so its rules have every host; add `hosts` if the listener of the Gateway limits them",
            document.at
        ));
    }
    let hosts: Vec<(HostRank, Formula)> = match hosts.is_empty() {
        true => vec![(HostRank::Every, Formula::yes())],
        false => hosts
            .iter()
            .map(|own| of_host(own, spec.place(), report))
            .collect(),
    };
    let mut found = Vec::new();
    for rule in spec.mappings("rules") {
        let section = rule.text("name");
        let matches = rule.mappings("matches");
        let all = match matches.is_empty() {
            // A rule without matches has every path.
            true => vec![(2, Reverse(1), false, Reverse(0), Formula::yes())],
            false => matches.into_iter().map(of_match).collect(),
        };
        for (host_rank, at_host) in &hosts {
            for (kind, length, has_method, headers, formula) in &all {
                found.push(RouteRequests {
                    region: Formula::all([at_host.clone(), formula.clone()]),
                    section: section.clone(),
                    rank: (*host_rank, *kind, *length, !has_method, *headers),
                });
            }
        }
    }
    found
}

fn of_host(text: &str, at: &str, report: &ImportReport) -> (HostRank, Formula) {
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

type RankedMatch = (u8, Reverse<usize>, bool, Reverse<usize>, Formula);

fn of_match(members: Members<'_>) -> RankedMatch {
    let (at, report) = (members.place().to_owned(), members.report());
    let mut parts = Vec::new();
    let (mut kind, mut length) = (2, 1);
    if let Some(path) = members.mapping("path") {
        let value = path.text("value").unwrap_or_else(|| "/".to_owned());
        length = value.len();
        let test = match path.text("type").as_deref() {
            Some("Exact") => {
                kind = 0;
                Some(PathTest::Text(TextTest::exact(value)))
            }
            Some("RegularExpression") => {
                kind = 1;
                Some(PathTest::Text(TextTest::new(TextKind::Regex(value))))
            }
            None | Some("PathPrefix") => match value.as_str() {
                "/" => None,
                _ => Some(PathTest::AtOrBelow(value)),
            },
            Some(_) => {
                parts.push(reported(&at, "this match of a path", report));
                None
            }
        };
        parts.extend(test.map(|test| Formula::Atom(Atom::Paths(vec![test]))));
        path.finish();
    }
    let method = members.text("method");
    let has_method = method.is_some();
    parts.extend(method.map(|method| Formula::Atom(Atom::Methods(vec![TextTest::exact(method)]))));
    let headers = members.mappings("headers");
    let count = headers.len();
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
            None => reported(&at, "this match of a header", report),
        });
        header.finish();
    }
    if !members.elements("queryParams").is_empty() {
        parts.push(reported(&at, "a match of query parameters", report));
    }
    members.finish();
    (
        kind,
        Reverse(length),
        has_method,
        Reverse(count),
        Formula::all(parts),
    )
}
