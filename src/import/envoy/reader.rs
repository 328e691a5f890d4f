//! From an HTTP connection manager to a policy.

use serde_json::Value;

use crate::import::envoy::chain::{
    ManagerRoutes, are_filters_readable, manager_routes, refused_route,
};
use crate::import::envoy::find::{
    FoundManager, JWT_AUTHN, RBAC, has_other_type, is_filter, managers, member,
};
use crate::import::envoy::joined::{entries, forward_token, payload_header, places};
use crate::import::envoy::matchers::{reported, route_match};
use crate::import::envoy::provider::{JwtAuthnProvider, provider};
use crate::import::envoy::rbac::{RbacRules, RbacScope, peer_is_client, rbac};
use crate::import::envoy::requirement::{JwtRequirement, requirement};
use crate::import::envoy::routes::{FilterOverride, FoundRoute, has_overrides, routes};
use crate::import::formula::{Atom, Formula};
use crate::import::input::ForeignDocument;
use crate::import::members::Members;
use crate::import::policy::{ImportedPolicy, NamedFormula, PolicyRoute, TokenCheck};
use crate::import::report::ImportReport;

const ORIGIN: &str = "jwt_authn";
const JWT_PER_ROUTE: &str = "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig";
const RBAC_PER_ROUTE: &str = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute";

/// A rule of the filter.
struct FilterRule {
    at: String,
    region: Formula,
    requirement: Option<JwtRequirement>,
}

struct Reader<'r> {
    providers: Vec<JwtAuthnProvider>,
    entry_audiences: Vec<(String, Vec<String>)>,
    rules: Vec<FilterRule>,
    by_name: Vec<(String, JwtRequirement)>,
    has_filter_state_rules: bool,
    report: &'r ImportReport,
}

/// The policy of the first connection manager with a `jwt_authn` filter. `None` if there is none.
pub(crate) fn policy(
    documents: &[ForeignDocument],
    report: &ImportReport,
) -> Option<ImportedPolicy> {
    let mut found = documents.iter().flat_map(managers);
    let first = found.next()?;
    for other in found.filter(|other| !is_same(first.value, other.value)) {
        report.left_out(
            &other.document.at,
            "another HTTP connection manager, with requirements of its own",
            "import its listener alone, and let it ask an accredit of its own",
        );
    }
    Some(of_manager(first, documents, report))
}

/// Managers of one generator often differ in names only.
fn is_same(one: &Value, other: &Value) -> bool {
    [
        "http_filters",
        "route_config",
        "rds",
        "scoped_routes",
        "use_remote_address",
        "xff_num_trusted_hops",
        "original_ip_detection_extensions",
    ]
    .iter()
    .all(|name| member(one, name) == member(other, name))
}

fn of_manager(
    manager: FoundManager<'_>,
    documents: &[ForeignDocument],
    report: &ImportReport,
) -> ImportedPolicy {
    let at = format!("{}: ", manager.document.at);
    if manager.is_bare_filter {
        let filter = Members::of(&format!("{at}jwt_authn"), manager.value, report);
        let (reader, policy) = read_filter(filter, &[], report);
        let routes = reader.filter_routes("", &Formula::yes());
        return ImportedPolicy { routes, ..policy };
    }
    let filters: Vec<&Value> = member(manager.value, "http_filters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    let are_readable = are_filters_readable(&at, &filters, report);
    let (configuration, has_routes) = match manager_routes(&at, manager.value, documents, report) {
        ManagerRoutes::Found(found) => (Some(found), true),
        ManagerRoutes::Unreadable => (None, false),
        ManagerRoutes::NotThere => {
            report.note(format_args!(
                "{at}the input has no routes, so overrides of the filters by routes are not in the result"
            ));
            (None, true)
        }
    };
    let policy = of_filters(&at, manager.value, &filters, configuration, report);
    match are_readable && has_routes {
        true => policy,
        false => ImportedPolicy {
            routes: vec![refused_route()],
            ..policy
        },
    }
}

fn of_filters(
    at: &str,
    manager: &Value,
    filters: &[&Value],
    configuration: Option<&Value>,
    report: &ImportReport,
) -> ImportedPolicy {
    let name_of = |filter: &Value| {
        member(filter, "name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let place = filters
        .iter()
        .position(|filter| is_filter(filter, JWT_AUTHN));
    let jwt_authn = place.and_then(|place| filters.get(place)).copied();
    let filter_name = jwt_authn.map(name_of).unwrap_or_default();
    let config = jwt_authn.and_then(|filter| member(filter, "typed_config"));
    let is_disabled =
        |filter: &Value| member(filter, "disabled").and_then(Value::as_bool) == Some(true);
    let mut named = Vec::new();
    let found_routes = match configuration {
        Some(configuration) => {
            let members = Members::of(&format!("{at}route_config"), configuration, report);
            let deciding =
                |filter: &&&Value| is_filter(filter, JWT_AUTHN) || is_filter(filter, RBAC);
            let names: Vec<String> = filters
                .iter()
                .filter(deciding)
                .map(|filter| name_of(filter))
                .collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            match has_overrides(configuration, &names) {
                true => routes(&members, report),
                false => Vec::new(),
            }
        }
        None => Vec::new(),
    };
    for route in &found_routes {
        if let FilterOverride::Configured(_, own) = route.filter(&filter_name) {
            named.extend(member(own, "requirement_name").and_then(Value::as_str));
        }
    }
    let empty = Value::Object(serde_json::Map::new());
    let filter = Members::of(
        &format!("{at}{filter_name}"),
        config.unwrap_or(&empty),
        report,
    );
    let (reader, policy) = read_filter(filter, &named, report);
    let scope = RbacScope {
        providers: &reader.providers,
        peer_is_client: peer_is_client(manager),
    };
    // The filters after jwt_authn read what it wrote, those before it do not.
    let rbacs: Vec<(String, bool, bool, RbacRules)> = filters
        .iter()
        .enumerate()
        .filter(|(_, filter)| is_filter(filter, RBAC))
        .filter_map(|(number, filter)| {
            let name = name_of(filter);
            let config = member(filter, "typed_config")?;
            let rules = rbac(Members::of(&format!("{at}{name}"), config, report), scope);
            Some((
                name,
                place.is_some_and(|place| number > place),
                is_disabled(filter),
                rules,
            ))
        })
        .collect();
    let is_off = jwt_authn.is_some_and(is_disabled);
    let mut all = Vec::new();
    for route in &found_routes {
        let mut own = reader.routes_of(route, route.filter(&filter_name), is_off);
        for (name, is_after, is_disabled, rules) in &rbacs {
            let rules = match route.filter(name) {
                FilterOverride::Disabled => RbacRules::Off,
                FilterOverride::None if *is_disabled => RbacRules::Off,
                FilterOverride::None => rules.clone(),
                FilterOverride::Configured(at, own) if has_other_type(own, RBAC_PER_ROUTE) => {
                    let _ = reported(&at, "an override of this type", report);
                    RbacRules::Allow(Vec::new())
                }
                FilterOverride::Configured(at, own) => match member(own, "rbac") {
                    Some(own) => rbac(Members::of(&at, own, report), scope),
                    None => RbacRules::Off,
                },
            };
            own.iter_mut()
                .for_each(|route| and_rbac(route, &rules, *is_after));
        }
        all.extend(own);
    }
    let mut rest = match is_off {
        true => vec![open_route("without-jwt_authn", Formula::yes())],
        false => reader.filter_routes("", &Formula::yes()),
    };
    for (_, is_after, is_disabled, rules) in
        rbacs.iter().filter(|(_, _, is_disabled, _)| !is_disabled)
    {
        let _ = is_disabled;
        rest.iter_mut()
            .for_each(|route| and_rbac(route, rules, *is_after));
    }
    all.extend(rest);
    ImportedPolicy {
        routes: all,
        ..policy
    }
}

/// Adds what a filter `rbac` requires.
fn and_rbac(route: &mut PolicyRoute, rules: &RbacRules, is_after: bool) {
    let read = |formula: &Formula| match is_after {
        true => formula.clone(),
        false => formula.without_token(),
    };
    match rules {
        RbacRules::Off => {}
        RbacRules::Deny(policies) => route.denies.extend(
            policies
                .iter()
                .map(|policy| NamedFormula::new(policy.name.clone(), read(&policy.formula))),
        ),
        RbacRules::Allow(policies) => {
            let before = std::mem::take(&mut route.allows);
            for policy in policies {
                for allow in &before {
                    let formula = Formula::all([allow.formula.clone(), read(&policy.formula)]);
                    route
                        .allows
                        .push(NamedFormula::new(policy.name.clone(), formula));
                }
            }
        }
    }
}

fn open_route(name: &str, region: Formula) -> PolicyRoute {
    PolicyRoute {
        name: name.to_owned(),
        region,
        verification: TokenCheck::Skipped,
        denies: Vec::new(),
        allows: vec![NamedFormula::new(name, Formula::yes())],
        comment: None,
    }
}

/// Reads the filter. `named` are the requirements that routes name.
fn read_filter<'r>(
    filter: Members<'_>,
    named: &[&str],
    report: &'r ImportReport,
) -> (Reader<'r>, ImportedPolicy) {
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
        let region = rule.mapping("match").map_or(Formula::Unknown, route_match);
        let own = rule.mapping("requires").map(requirement);
        let by = rule.text("requirement_name").map(|name| {
            let found = by_name.iter().find(|(own, _)| *own == name);
            found.map_or(JwtRequirement::Unsatisfiable, |(_, found)| found.clone())
        });
        rule.finish();
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
            "accredit does not see Envoy's filter state, so it refuses the requests that no rule has",
            "set `context_extensions` on the routes, and match them with `context`",
        );
    }
    let bypasses_preflight = filter.flag("bypass_cors_preflight").unwrap_or(false);
    let strips = filter.flag("strip_failure_response").unwrap_or(false);
    filter.finish();
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
        forward_token: forward_token(&providers, ORIGIN, report),
        error_details: !strips,
        providers: entries.clone(),
        routes: Vec::new(),
    };
    let entry_audiences = entries
        .into_iter()
        .map(|entry| (entry.issuer, entry.audiences))
        .collect();
    let reader = Reader {
        providers,
        entry_audiences,
        rules,
        by_name,
        has_filter_state_rules,
        report,
    };
    (reader, policy)
}

impl Reader<'_> {
    /// The routes of the filter's rules within a region.
    fn filter_routes(&self, prefix: &str, within: &Formula) -> Vec<PolicyRoute> {
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
    fn routes_of(
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
            FilterOverride::Configured(at, own) if has_other_type(own, JWT_PER_ROUTE) => {
                let _ = reported(&at, "an override of this type", self.report);
                let requirement = JwtRequirement::Unsatisfiable;
                vec![self.verified(&route.name, &at, region, &requirement)]
            }
            FilterOverride::Configured(at, own) => {
                let members = Members::of(&at, own, self.report);
                members.ignore(&["@type"]);
                let is_disabled = members.flag("disabled").unwrap_or(false);
                let name = members.text("requirement_name");
                members.finish();
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
                                format_args!("there is no requirement {name}, so accredit refuses these requests, as Envoy does"),
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

/// The path of the rule, if that is all that it matches.
fn rule_name(number: usize, region: &Formula) -> String {
    use crate::import::paths::PathTest;
    use crate::import::text_test::TextKind;
    let path = match region {
        formula if formula.is_yes() => return "every-path".to_owned(),
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
