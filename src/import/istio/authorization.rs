//! `AuthorizationPolicy`: which requests are allowed and denied.

use serde_json::Value;

use crate::import::envoy::matchers::no_equivalent;
use crate::import::formula::Formula;
use crate::import::istio::conditions::{
    IstioScope, address, condition, host_value, method, namespace, path, principal,
    request_principal, service_account, values,
};
use crate::import::istio::workload::IstioResource;
use crate::import::members::Members;
use crate::import::policy::NamedFormula;
use crate::import::report::ImportReport;

/// The policies of one workload together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorization {
    pub(crate) denies: Vec<NamedFormula>,
    /// `None` without a policy that allows: then everything is allowed that is not denied.
    pub(crate) allows: Option<Vec<NamedFormula>>,
}

/// The policies, those that deny before those that allow.
pub(crate) fn authorization(
    resources: &[IstioResource<'_>],
    scope: IstioScope<'_>,
    report: &ImportReport,
) -> Authorization {
    let mut found = Authorization::default();
    for resource in resources {
        let scope = IstioScope {
            namespace: &resource.namespace,
            ..scope
        };
        let members = Members::of(&format!("{}: ", resource.at), resource.value, report);
        members.ignore(&["apiVersion", "kind", "metadata", "status"]);
        let dry_run = resource
            .value
            .pointer("/metadata/annotations/istio.io~1dry-run");
        if dry_run.and_then(Value::as_str) == Some("true") {
            report.note(format_args!(
                "{}: a policy on trial (istio.io/dry-run) decides nothing",
                resource.at
            ));
            continue;
        }
        let spec = members.mapping("spec");
        let action = spec.as_ref().and_then(|spec| spec.text("action"));
        let rules = spec
            .as_ref()
            .map(|spec| rules(resource, spec, scope))
            .unwrap_or_default();
        if let Some(spec) = spec {
            spec.ignore(&["selector", "targetRef", "targetRefs", "provider"]);
            spec.report_unread();
        }
        members.report_unread();
        match action.as_deref() {
            None | Some("ALLOW") => found.allows.get_or_insert_default().extend(rules),
            Some("DENY") => found.denies.extend(rules),
            Some("AUDIT") => report.note(format_args!("{}: a policy for audits decides nothing", resource.at)),
            Some("CUSTOM") => report.left_out(
                &resource.at,
                "this policy asks an external authorizer, and accredit takes that place",
                "bind one CUSTOM policy to every request (`rules: [{}]`), with accredit as its provider, and keep another provider beside it",
            ),
            Some(_) => {
                let _ = no_equivalent(&resource.at, "this action", report);
                found.allows.get_or_insert_default();
            }
        }
    }
    found
}

fn rules(
    resource: &IstioResource<'_>,
    spec: &Members<'_>,
    scope: IstioScope<'_>,
) -> Vec<NamedFormula> {
    let rules = spec.mappings("rules");
    let is_only = rules.len() == 1;
    rules
        .into_iter()
        .enumerate()
        .map(|(number, members)| {
            let name = match is_only {
                true => resource.name.clone(),
                false => format!("{}-{number}", resource.name),
            };
            NamedFormula::new(name, rule(members, scope))
        })
        .collect()
}

fn rule(members: Members<'_>, scope: IstioScope<'_>) -> Formula {
    let mut parts = Vec::new();
    for (list, name, inner) in [
        (
            "from",
            "source",
            source as fn(Members<'_>, IstioScope<'_>) -> Formula,
        ),
        ("to", "operation", operation),
    ] {
        let elements = members.mappings(list);
        if elements.is_empty() {
            continue;
        }
        parts.push(Formula::any(elements.into_iter().map(|element| {
            let found = element
                .mapping(name)
                .map_or_else(Formula::always, |own| inner(own, scope));
            element.report_unread();
            found
        })));
    }
    parts.extend(
        members
            .mappings("when")
            .into_iter()
            .map(|own| condition(own, scope)),
    );
    members.report_unread();
    Formula::all(parts)
}

fn source(members: Members<'_>, scope: IstioScope<'_>) -> Formula {
    let report = members.report();
    let has_only_negative =
        members.has("notRequestPrincipals") && !members.has("requestPrincipals");
    let not_all = members
        .texts("notRequestPrincipals")
        .is_some_and(|values| values != ["*"]);
    if has_only_negative && not_all {
        report.left_out(
            &members.at("notRequestPrincipals"),
            "without `requestPrincipals` it also has every request without a token, in Istio and in accredit",
            "add requestPrincipals: [\"*\"] if that is not what you want",
        );
    }
    let unequal = |at: &str, _: &str| {
        no_equivalent(
            at,
            "the address of a client behind a proxy (accredit compares the address of the connection's peer)",
            report,
        )
    };
    let found = Formula::all([
        values(&members, "principals", "notPrincipals", &|_, value| {
            principal(value)
        }),
        values(
            &members,
            "requestPrincipals",
            "notRequestPrincipals",
            &|_, value| request_principal(value, scope),
        ),
        values(&members, "namespaces", "notNamespaces", &|at, value| {
            namespace(value, at, report)
        }),
        values(
            &members,
            "serviceAccounts",
            "notServiceAccounts",
            &|at, value| service_account(value, at, scope, report),
        ),
        values(&members, "ipBlocks", "notIpBlocks", &|at, value| {
            address(value, at, report)
        }),
        values(&members, "remoteIpBlocks", "notRemoteIpBlocks", &unequal),
    ]);
    members.report_unread();
    found
}

fn operation(members: Members<'_>, _: IstioScope<'_>) -> Formula {
    let report = members.report();
    let port = |at: &str, _: &str| no_equivalent(at, "the port of the workload", report);
    let found = Formula::all([
        values(&members, "hosts", "notHosts", &|at, value| {
            host_value(value, at, report)
        }),
        values(&members, "methods", "notMethods", &|_, value| method(value)),
        values(&members, "paths", "notPaths", &|at, value| {
            path(value, at, report)
        }),
        values(&members, "ports", "notPorts", &port),
    ]);
    members.report_unread();
    found
}
