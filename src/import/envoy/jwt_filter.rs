//! Converts the filter `jwt_authn`, and what routes override in it, to routes of a policy.

use crate::import::envoy::find::has_other_type;
use crate::import::envoy::joined::{
    entries, forward_token, payload_header, places, verified_headers,
};
use crate::import::envoy::matchers::{no_equivalent, rule_match};
use crate::import::envoy::provider::{JwtAuthnProvider, provider};
use crate::import::envoy::requirement::{JwtRequirement, requirement};
use crate::import::envoy::routes::{FilterOverride, FoundRoute};
use crate::import::formula::{Atom, Formula};
use crate::import::members::Members;
use crate::import::paths::PathTest;
use crate::import::policy::{ImportedPolicy, NamedFormula, PolicyRoute, TokenCheck};
use crate::import::report::ImportReport;
use crate::import::text_test::TextKind;

const ORIGIN: &str = "jwt_authn";
const PER_ROUTE: &str = "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig";

/// A rule of the filter.
struct FilterRule {
    at: String,
    /// The requests that the rule matches.
    region: Formula,
    /// `None` if the rule requires nothing.
    requirement: Option<JwtRequirement>,
}

/// The filter as the routes of Envoy refer to it.
pub(super) struct JwtAuthnFilter<'r> {
    pub(super) providers: Vec<JwtAuthnProvider>,
    /// The audiences of each issuer entry, by issuer.
    entry_audiences: Vec<(String, Vec<String>)>,
    rules: Vec<FilterRule>,
    /// `requirement_map`: the requirements that routes and rules name.
    by_name: Vec<(String, JwtRequirement)>,
    has_filter_state_rules: bool,
    report: &'r ImportReport,
}

/// A route that needs no token.
pub(super) fn open_route(name: &str, region: Formula) -> PolicyRoute {
    PolicyRoute {
        name: name.to_owned(),
        region,
        verification: TokenCheck::Skipped,
        denies: Vec::new(),
        allows: vec![NamedFormula::new(name, Formula::always())],
        comment: None,
    }
}

/// Reads the filter, and the parts of the policy that do not depend on routes. `named` has the names of the requirements that routes use.
pub(super) fn read_filter<'r>(
    filter: Members<'_>,
    named: &[&str],
    report: &'r ImportReport,
) -> (JwtAuthnFilter<'r>, ImportedPolicy) {
    filter.ignore(&["@type", "stat_prefix"]);
    let at = filter.place().to_owned();
    let mut providers = Vec::new();
    for (name, at, value) in filter.entries("providers") {
        providers.push(provider(name, Members::of(&at, value, filter.report())));
    }
    let mut by_name = Vec::new();
    for (name, at, value) in filter.entries("requirement_map") {
        let found = requirement(Members::of(&at, value, filter.report()));
        by_name.push((name.to_owned(), found));
    }
    let mut rules = Vec::new();
    for rule in filter.mappings("rules") {
        let at = rule.place().to_owned();
        let region = rule.mapping("match").map_or(Formula::Unknown, rule_match);
        let own = rule.mapping("requires").map(requirement);
        let by = rule.text("requirement_name").map(|name| {
            let found = by_name.iter().find(|(own, _)| *own == name);
            found.map_or(JwtRequirement::Unsatisfiable, |(_, found)| found.clone())
        });
        rule.report_unread();
        rules.push(FilterRule {
            at,
            region,
            requirement: own.or(by),
        });
    }
    let has_filter_state_rules = filter.has("filter_state_rules");
    if has_filter_state_rules {
        report.left_out(
            &filter.at("filter_state_rules"),
            "accredit does not see Envoy's filter state, so it denies the requests that no rule has",
            "set `context_extensions` on the routes, and match them with `context`",
        );
    }
    let bypasses_preflight = filter.flag("bypass_cors_preflight").unwrap_or(false);
    let strips = filter.flag("strip_failure_response").unwrap_or(false);
    filter.report_unread();
    let used: Vec<&JwtRequirement> = rules
        .iter()
        .filter_map(|rule| rule.requirement.as_ref())
        .chain(
            by_name
                .iter()
                .filter(|(name, _)| named.contains(&name.as_str()))
                .map(|(_, found)| found),
        )
        .collect();
    let entries = entries(&mut providers, &used, ORIGIN, report);
    if bypasses_preflight {
        let preflight = FilterRule {
            at: format!("{at}.bypass_cors_preflight"),
            region: Formula::Atom(Atom::Preflight),
            requirement: None,
        };
        rules.insert(0, preflight);
    }
    let policy = ImportedPolicy {
        origin: ORIGIN,
        token_places: places(&providers, ORIGIN, report),
        payload_header: payload_header(&providers, ORIGIN, report),
        verified_headers: verified_headers(&providers),
        strip_headers: Vec::new(),
        forward_token: forward_token(&providers, ORIGIN, report),
        error_details: !strips,
        providers: entries.clone(),
        routes: Vec::new(),
    };
    let entry_audiences = entries
        .into_iter()
        .map(|entry| (entry.issuer, entry.audiences))
        .collect();
    let read = JwtAuthnFilter {
        providers,
        entry_audiences,
        rules,
        by_name,
        has_filter_state_rules,
        report,
    };
    (read, policy)
}

impl JwtAuthnFilter<'_> {
    /// The routes of the filter's rules within a region.
    pub(super) fn filter_routes(&self, prefix: &str, within: &Formula) -> Vec<PolicyRoute> {
        let mut found = Vec::new();
        for (number, rule) in self.rules.iter().enumerate() {
            let name = match rule.region {
                Formula::Atom(Atom::Preflight) => format!("{prefix}preflight"),
                _ => format!("{prefix}{}", rule_name(number, &rule.region)),
            };
            let region = Formula::all([within.clone(), rule.region.clone()]);
            found.push(match &rule.requirement {
                None => open_route(&name, region),
                Some(requirement) => self.verified(&name, &rule.at, region, requirement),
            });
        }
        found.push(match self.has_filter_state_rules {
            true => self.verified(
                &format!("{prefix}without-rule"),
                "filter_state_rules",
                within.clone(),
                &JwtRequirement::Unsatisfiable,
            ),
            false => PolicyRoute {
                comment: Some(
                    "jwt_authn requires nothing of a request that no rule matches.".to_owned(),
                ),
                ..open_route(&format!("{prefix}without-rule"), within.clone())
            },
        });
        found
    }

    /// The routes of a route of Envoy, with what it says about the filter.
    pub(super) fn routes_of(
        &self,
        route: &FoundRoute<'_>,
        own: FilterOverride<'_>,
        is_off: bool,
    ) -> Vec<PolicyRoute> {
        let region = route.region.clone();
        match own {
            FilterOverride::None if is_off => vec![open_route(&route.name, region)],
            FilterOverride::None => self.filter_routes(&format!("{}-", route.name), &region),
            FilterOverride::Disabled => vec![open_route(&route.name, region)],
            FilterOverride::Configured(at, own) if has_other_type(own, PER_ROUTE) => {
                let _ = no_equivalent(&at, "an override of this type", self.report);
                let requirement = JwtRequirement::Unsatisfiable;
                vec![self.verified(&route.name, &at, region, &requirement)]
            }
            FilterOverride::Configured(at, own) => {
                let members = Members::of(&at, own, self.report);
                members.ignore(&["@type"]);
                let is_disabled = members.flag("disabled").unwrap_or(false);
                let name = members.text("requirement_name");
                members.report_unread();
                match name {
                    _ if is_disabled => vec![open_route(&route.name, region)],
                    None => self.filter_routes(&format!("{}-", route.name), &region),
                    Some(name) => {
                        let found = self.by_name.iter().find(|(own, _)| *own == name);
                        let requirement =
                            found.map_or(&JwtRequirement::Unsatisfiable, |(_, found)| found);
                        if found.is_none() {
                            self.report.left_out(
                                &route.at,
                                format_args!("there is no requirement {name}, so accredit denies these requests, as Envoy does"),
                                "add it to requirement_map",
                            );
                        }
                        vec![self.verified(&route.name, &at, region, requirement)]
                    }
                }
            }
        }
    }

    fn verified(
        &self,
        name: &str,
        at: &str,
        region: Formula,
        requirement: &JwtRequirement,
    ) -> PolicyRoute {
        let formula = requirement.formula(at, &self.providers, &self.entry_audiences, self.report);
        PolicyRoute {
            name: name.to_owned(),
            region,
            verification: TokenCheck::Applied,
            denies: Vec::new(),
            allows: vec![NamedFormula::new(name, formula)],
            comment: None,
        }
    }
}

/// A name for a rule: its path if it matches one path or prefix and nothing else, otherwise its number.
fn rule_name(number: usize, region: &Formula) -> String {
    let path = match region {
        formula if formula.is_always() => return "every-path".to_owned(),
        Formula::Atom(Atom::Paths(paths)) => match paths.as_slice() {
            [PathTest::Text(test)] => match &test.kind {
                TextKind::Exact(path) | TextKind::Prefix(path) => Some(path),
                _ => None,
            },
            [PathTest::AtOrBelow(path)] => Some(path),
            _ => None,
        },
        _ => None,
    };
    path.map_or_else(|| format!("rule-{number}"), Clone::clone)
}
