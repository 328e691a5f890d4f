//! Converts an HTTP connection manager of Envoy to a policy.

use serde_json::Value;

use crate::import::envoy::chain::{ManagerRoutes, are_filters_readable, manager_routes};
use crate::import::envoy::find::{
    FoundManager, JWT_AUTHN, RBAC, has_network_rbac, has_other_type, is_filter, managers, member,
};
use crate::import::envoy::jwt_filter::{open_route, read_filter};
use crate::import::envoy::matchers::no_equivalent;
use crate::import::envoy::rbac::{RbacRules, RbacScope, peer_is_client, rbac};
use crate::import::envoy::routes::{ClusterOverrides, FilterOverride, has_overrides, routes};
use crate::import::formula::Formula;
use crate::import::input::ForeignDocument;
use crate::import::members::Members;
use crate::import::policy::{ImportedPolicy, NamedFormula, PolicyRoute};
use crate::import::report::ImportReport;

const RBAC_PER_ROUTE: &str = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute";

/// A filter `rbac` of the connection manager.
struct RbacFilter {
    name: String,
    /// A filter after `jwt_authn` reads the claims that `jwt_authn` wrote.
    is_after_jwt_authn: bool,
    /// The filter has no effect unless a route configures it.
    is_disabled: bool,
    rules: RbacRules,
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

/// Whether two connection managers decide alike. Managers that a control plane generates often differ in names only.
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
    for document in documents.iter().filter(|own| has_network_rbac(own)) {
        report.left_out(
            &document.at,
            "the filter rbac for connections (envoy.filters.network.rbac) denies connections, and accredit does not",
            "keep it in Envoy",
        );
    }
    if manager.is_bare_filter {
        let filter = Members::of(&format!("{at}jwt_authn"), manager.value, report);
        let (reader, policy) = read_filter(filter, &[], report);
        let routes = reader.filter_routes("", &Formula::always());
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
            routes: vec![PolicyRoute::refused_everything()],
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
                true => routes(&members, &names, report),
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
    let rbacs: Vec<RbacFilter> = filters
        .iter()
        .enumerate()
        .filter(|(_, filter)| is_filter(filter, RBAC))
        .filter_map(|(number, filter)| {
            let name = name_of(filter);
            let config = member(filter, "typed_config")?;
            let rules = rbac(Members::of(&format!("{at}{name}"), config, report), scope);
            Some(RbacFilter {
                name,
                is_after_jwt_authn: place.is_some_and(|place| number > place),
                is_disabled: is_disabled(filter),
                rules,
            })
        })
        .collect();
    let is_off = jwt_authn.is_some_and(is_disabled);
    let mut all = Vec::new();
    for route in &found_routes {
        if route.clusters == ClusterOverrides::Some {
            all.push(PolicyRoute::refused(
                route.name.clone(),
                route.region.clone(),
            ));
            continue;
        }
        let mut own = reader.routes_of(route, route.filter(&filter_name), is_off);
        for rbac_filter in &rbacs {
            let rules = match route.filter(&rbac_filter.name) {
                FilterOverride::Disabled => RbacRules::Off,
                FilterOverride::None if rbac_filter.is_disabled => RbacRules::Off,
                FilterOverride::None => rbac_filter.rules.clone(),
                FilterOverride::Configured(at, own) if has_other_type(own, RBAC_PER_ROUTE) => {
                    let _ = no_equivalent(&at, "an override of this type", report);
                    RbacRules::Allow(Vec::new())
                }
                FilterOverride::Configured(at, own) => match member(own, "rbac") {
                    Some(own) => rbac(Members::of(&at, own, report), scope),
                    None => RbacRules::Off,
                },
            };
            own.iter_mut()
                .for_each(|route| require_rbac(route, &rules, rbac_filter.is_after_jwt_authn));
        }
        all.extend(own);
    }
    let mut rest = match is_off {
        true => vec![open_route("without-jwt_authn", Formula::always())],
        false => reader.filter_routes("", &Formula::always()),
    };
    for rbac_filter in rbacs.iter().filter(|own| !own.is_disabled) {
        rest.iter_mut().for_each(|route| {
            require_rbac(route, &rbac_filter.rules, rbac_filter.is_after_jwt_authn)
        });
    }
    all.extend(rest);
    ImportedPolicy {
        routes: all,
        ..policy
    }
}

/// Adds to a route what a filter `rbac` requires. A filter before `jwt_authn` sees no claims, so its conditions on the token never hold.
fn require_rbac(route: &mut PolicyRoute, rules: &RbacRules, is_after_jwt_authn: bool) {
    let read = |formula: &Formula| match is_after_jwt_authn {
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
