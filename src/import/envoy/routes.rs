//! What virtual hosts and routes override in the configuration of filters.

use serde_json::Value;

use crate::import::envoy::find::{has_type, member};
use crate::import::envoy::matchers::{host, route_match};
use crate::import::formula::Formula;
use crate::import::members::Members;
use crate::import::report::ImportReport;
use crate::import::text_test::{TextKind, TextTest};

/// A route of a virtual host, or the requests of the virtual host that no route matches.
#[derive(Debug)]
pub(crate) struct FoundRoute<'v> {
    pub(crate) name: String,
    pub(crate) at: String,
    pub(crate) region: Formula,
    pub(crate) clusters: ClusterOverrides,
    /// The configurations of filters, the most specific first.
    overrides: Vec<(String, &'v Value)>,
}

/// Whether a weighted cluster of a route overrides a filter that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClusterOverrides {
    None,
    /// The report says so. accredit does not know which cluster Envoy chooses.
    Some,
}

/// What a route says about one filter.
#[derive(Clone, Debug)]
pub(crate) enum FilterOverride<'v> {
    /// The filter's own configuration applies.
    None,
    Disabled,
    Configured(String, &'v Value),
}

const FILTER_CONFIG: &str = "envoy.config.route.v3.FilterConfig";

impl<'v> FoundRoute<'v> {
    /// What the route says about the filter with that name.
    pub(crate) fn filter(&self, name: &str) -> FilterOverride<'v> {
        for (at, configurations) in &self.overrides {
            let Some(own) = configurations.get(name) else {
                continue;
            };
            let at = format!("{at}[{name}]");
            if !has_type(own, FILTER_CONFIG) {
                return FilterOverride::Configured(at, own);
            }
            let is_disabled = member(own, "disabled").and_then(Value::as_bool) == Some(true);
            return match member(own, "config") {
                _ if is_disabled => FilterOverride::Disabled,
                Some(config) => FilterOverride::Configured(at, config),
                None => FilterOverride::None,
            };
        }
        FilterOverride::None
    }
}

/// Whether a route or virtual host overrides one of these filters.
pub(crate) fn has_overrides(configuration: &Value, filters: &[&str]) -> bool {
    match configuration {
        Value::Object(members) => members.iter().any(|(name, value)| {
            let is_overrides =
                ["typed_per_filter_config", "typedPerFilterConfig"].contains(&name.as_str());
            match is_overrides {
                true => filters.iter().any(|filter| value.get(filter).is_some()),
                false => has_overrides(value, filters),
            }
        }),
        Value::Array(elements) => elements
            .iter()
            .any(|element| has_overrides(element, filters)),
        _ => false,
    }
}

/// The routes in the order in which Envoy chooses them: exact hosts, then the longest suffixes, then prefixes, then `*`. `filters`
/// has the names of the filters that decide.
pub(crate) fn routes<'v>(
    configuration: &Members<'v>,
    filters: &[&str],
    report: &'v ImportReport,
) -> Vec<FoundRoute<'v>> {
    let own_overrides = overrides(configuration);
    let mut hosts: Vec<(DomainRank, Vec<String>, Members<'v>)> = Vec::new();
    for (at, value) in configuration.elements("virtual_hosts") {
        let domains = Members::of(&at, value, report)
            .texts("domains")
            .unwrap_or_default();
        let (exact, others): (Vec<String>, Vec<String>) = domains
            .into_iter()
            .partition(|domain| !domain.contains('*'));
        if !exact.is_empty() {
            hosts.push((DomainRank::Exact, exact, Members::of(&at, value, report)));
        }
        for domain in others {
            let rank = DomainRank::of(&domain);
            hosts.push((rank, vec![domain], Members::of(&at, value, report)));
        }
    }
    hosts.sort_by_key(|(rank, ..)| *rank);
    let mut found = Vec::new();
    for (_, domains, host) in hosts {
        let at_host = domains_formula(&domains, host.place(), report);
        let name = host.text("name").unwrap_or_else(|| domains.join(","));
        let host_overrides = overrides(&host);
        for (number, route) in host.mappings("routes").into_iter().enumerate() {
            let region = route.mapping("match").map_or(Formula::Unknown, route_match);
            let own = route.text("name").filter(|name| !name.is_empty());
            let own = own.unwrap_or_else(|| format!("{name}-route-{number}"));
            found.push(FoundRoute {
                name: own,
                at: route.place().to_owned(),
                region: Formula::all([at_host.clone(), region]),
                clusters: cluster_overrides(&route, filters, report),
                overrides: overrides(&route)
                    .into_iter()
                    .chain(host_overrides.clone())
                    .chain(own_overrides.clone())
                    .collect(),
            });
        }
        found.push(FoundRoute {
            name: format!("{name}-without-route"),
            at: host.place().to_owned(),
            region: at_host,
            clusters: ClusterOverrides::None,
            overrides: Vec::new(),
        });
    }
    found
}

/// The order of domains: a lower one is chosen first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DomainRank {
    Exact,
    /// The longest suffix first.
    Suffix(std::cmp::Reverse<usize>),
    Prefix(std::cmp::Reverse<usize>),
    Every,
}

impl DomainRank {
    fn of(domain: &str) -> DomainRank {
        let length = std::cmp::Reverse(domain.len());
        match domain {
            "*" => DomainRank::Every,
            _ if domain.starts_with('*') => DomainRank::Suffix(length),
            _ => DomainRank::Prefix(length),
        }
    }
}

fn domains_formula(domains: &[String], at: &str, report: &ImportReport) -> Formula {
    Formula::any(domains.iter().map(|domain| {
        // Envoy's own names of virtual hosts have the port as `:*`.
        let domain = domain.strip_suffix(":*").unwrap_or(domain);
        let kind = match (domain, domain.strip_prefix('*'), domain.strip_suffix('*')) {
            ("*", ..) => return Formula::always(),
            (_, Some(suffix), _) => TextKind::Suffix(suffix.to_owned()),
            (_, None, Some(prefix)) => TextKind::Prefix(prefix.to_owned()),
            (_, None, None) => TextKind::Exact(domain.to_owned()),
        };
        host(TextTest::new(kind), at, report)
    }))
}

fn overrides<'v>(members: &Members<'v>) -> Vec<(String, &'v Value)> {
    let at = members.at("typed_per_filter_config");
    members
        .value("typed_per_filter_config")
        .map(|value| (at, value))
        .into_iter()
        .collect()
}

/// A cluster of a weighted route can override filters, too.
fn cluster_overrides(
    route: &Members<'_>,
    filters: &[&str],
    report: &ImportReport,
) -> ClusterOverrides {
    let clusters = route
        .value("route")
        .and_then(|own| member(own, "weighted_clusters"));
    if !clusters.is_some_and(|clusters| has_overrides(clusters, filters)) {
        return ClusterOverrides::None;
    }
    report.left_out(
        route.place(),
        "a weighted cluster overrides a filter, and accredit does not know which cluster Envoy chooses, so it denies these requests",
        "write a rule for them that admits what every cluster admits",
    );
    ClusterOverrides::Some
}
