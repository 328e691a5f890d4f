//! Which SecurityPolicy decides about which requests: the routes of the resulting policy.

use serde_json::Value;

use crate::import::envoy_gateway::authorization::GatewayAuthorization;
use crate::import::envoy_gateway::http_route::{MatchRank, is_http_route, requests};
use crate::import::envoy_gateway::security_policy::DecidedPolicy;
use crate::import::envoy_gateway::targets::{NamedRoute, PolicyTarget, TargetFit};
use crate::import::formula::{Atom, Formula};
use crate::import::input::ForeignDocument;
use crate::import::policy::{NamedFormula, PolicyRoute, TokenCheck};
use crate::import::report::ImportReport;

/// The policy of the Gateway, which the routes without a policy of their own have.
#[derive(Clone, Copy)]
enum InheritedPolicy<'a> {
    None,
    OfGateway(&'a DecidedPolicy),
    /// Several policies are possible, and the input does not say which one Envoy Gateway uses.
    NotKnown,
}

/// The routes of the input that have a SecurityPolicy, then a route for all other requests: under the policy of the Gateway, or refused.
pub(super) fn routes(
    decided: &[DecidedPolicy],
    documents: &[ForeignDocument],
    report: &ImportReport,
) -> Vec<PolicyRoute> {
    let targets = |kind: &str| {
        let all = decided
            .iter()
            .flat_map(|own| own.policy.targets.iter().map(move |target| (own, target)));
        all.filter(|(_, target)| target.kind == kind)
            .collect::<Vec<_>>()
    };
    let gateways = targets("Gateway");
    let first = gateways.first().map(|(own, _)| *own);
    let is_first = |own: &DecidedPolicy| first.is_some_and(|first| std::ptr::eq(first, own));
    let gateway = first.filter(|_| gateways.iter().all(|(own, _)| is_first(own)));
    let has_selectors = decided.iter().any(|own| own.policy.has_selectors);
    let inherited = match (gateway, gateways.is_empty(), has_selectors) {
        (_, _, true) | (None, false, _) => InheritedPolicy::NotKnown,
        (Some(gateway), ..) => InheritedPolicy::OfGateway(gateway),
        (None, true, false) => InheritedPolicy::None,
    };
    let mut ranked: Vec<(MatchRank, String, PolicyRoute)> = Vec::new();
    let mut by_context = Vec::new();
    let mut attached: Vec<&PolicyTarget> = Vec::new();
    for document in documents.iter().filter(|document| is_http_route(document)) {
        let named = NamedRoute::of(document);
        let created = document.value.pointer("/metadata/creationTimestamp");
        let created = created.and_then(Value::as_str).unwrap_or_default();
        for own in requests(document, report) {
            let fitting: Vec<(TargetFit, &DecidedPolicy, &PolicyTarget)> = targets("HTTPRoute")
                .into_iter()
                .filter_map(|(decided, target)| {
                    let namespace = &decided.policy.namespace;
                    let fit = target.fit(namespace, named, own.section.as_deref())?;
                    Some((fit, decided, target))
                })
                .collect();
            attached.extend(fitting.iter().map(|(.., target)| *target));
            let best = fitting.iter().map(|(fit, ..)| *fit).max();
            let mut policies: Vec<&DecidedPolicy> = Vec::new();
            for (_, decided, _) in fitting.iter().filter(|(fit, ..)| Some(*fit) == best) {
                if !policies.iter().any(|other| std::ptr::eq(*other, *decided)) {
                    policies.push(decided);
                }
            }
            let name = format!("{}/{}", named.namespace, named.name);
            let route = route(&name, own.region, &policies, inherited, report);
            ranked.push((own.rank, created.to_owned(), route));
        }
    }
    // Of two routes with one rank, Envoy Gateway prefers the older, and then the first by name.
    ranked.sort_by(|(rank, _, one), (other_rank, _, other)| {
        (rank, &one.name).cmp(&(other_rank, &other.name))
    });
    for equal in ranked.chunk_by_mut(|(one, ..), (other, ..)| one == other) {
        if equal.iter().all(|(_, created, _)| !created.is_empty()) {
            equal.sort_by(|(_, one, _), (_, other, _)| one.cmp(other));
        } else {
            report_unknown_order(equal, report);
        }
    }
    for (own, target) in targets("HTTPRoute").into_iter().chain(targets("GRPCRoute")) {
        if !attached.iter().any(|other| std::ptr::eq(*other, target)) {
            by_context.push(in_context(own, inherited, report));
        }
    }
    if gateway.is_none() {
        by_context.extend(
            gateways
                .iter()
                .map(|(own, _)| in_context(own, InheritedPolicy::None, report)),
        );
        if !gateways.is_empty() {
            report.left_out(
                "Envoy Gateway",
                "several Gateways have a SecurityPolicy, or one has several, so accredit denies the requests of routes that have \
                 no policy of their own",
                "import each Gateway alone, with an accredit of its own",
            );
        }
    }
    let untargeted = decided.iter().filter(|own| own.policy.targets.is_empty());
    by_context.extend(untargeted.map(|own| in_context(own, InheritedPolicy::None, report)));
    by_context.dedup_by(|one, other| one.name == other.name);
    let mut routes = by_context;
    routes.extend(ranked.into_iter().map(|(.., route)| route));
    if gateway.is_some() {
        report.note("the SecurityPolicy of the Gateway decides about every route that has no policy of its own in the input");
    }
    routes.push(match gateway {
        Some(own) => route(
            &own.policy.id,
            Formula::always(),
            &[own],
            InheritedPolicy::None,
            report,
        ),
        None => PolicyRoute {
            name: "without-policy".to_owned(),
            region: Formula::always(),
            verification: TokenCheck::Applied,
            denies: Vec::new(),
            allows: Vec::new(),
            comment: Some("No SecurityPolicy of the input is for these requests.".to_owned()),
        },
    });
    routes
}

/// Reports the routes of which Envoy Gateway prefers the older, and whose ages the input does not have.
fn report_unknown_order(equal: &[(MatchRank, String, PolicyRoute)], report: &ImportReport) {
    for (number, (rank, _, one)) in equal.iter().enumerate() {
        let others = equal.iter().skip(number + 1);
        for (.., other) in others.filter(|(.., other)| other.name != one.name) {
            let may_overlap = one.region == other.region || !rank.compares_host_and_path_only();
            if may_overlap && !decide_alike(one, other) {
                report.left_out(
                    &other.name,
                    format_args!(
                        "Envoy Gateway prefers the older of {} and {} if a request matches both, and the input does not have the ages of \
                         both; accredit prefers the first by name",
                        one.name, other.name
                    ),
                    "export the routes with their `metadata.creationTimestamp`, and import again",
                );
            }
        }
    }
}

fn decide_alike(one: &PolicyRoute, other: &PolicyRoute) -> bool {
    let formulas = |route: &PolicyRoute| -> Vec<Formula> {
        let all = route.denies.iter().chain(&route.allows);
        all.map(|own| own.formula.clone()).collect()
    };
    one.verification == other.verification
        && one.denies.len() == other.denies.len()
        && formulas(one) == formulas(other)
}

/// A policy whose route is not in the input: a context extension of that route selects its requests.
fn in_context(
    own: &DecidedPolicy,
    inherited: InheritedPolicy<'_>,
    report: &ImportReport,
) -> PolicyRoute {
    let id = &own.policy.id;
    report.left_out(
        &own.policy.at,
        "the policy names a route, or a rule of a route, that is not in the input in this namespace, so a context extension selects its requests",
        format_args!(
            "set `contextExtensions: [{{ name: policy, type: Value, value: {id} }}]` in the `extAuth` of a SecurityPolicy for that \
             route, or add the HTTPRoute to the input"
        ),
    );
    let region = Formula::Atom(Atom::Context("policy".to_owned(), id.clone()));
    let found = route(id, region, &[own], inherited, report);
    PolicyRoute {
        comment: Some(format!(
            "In the extAuth of the route's SecurityPolicy: contextExtensions: [{{ name: policy, type: Value, value: {id} }}]"
        )),
        ..found
    }
}

/// A route under its own policies, or that of the Gateway, or both if its own one has `mergeType`.
fn route(
    name: &str,
    region: Formula,
    own: &[&DecidedPolicy],
    inherited: InheritedPolicy<'_>,
    report: &ImportReport,
) -> PolicyRoute {
    let inherits = own.is_empty() || own.iter().any(|own| own.policy.is_merged);
    let is_known = !(inherits && matches!(inherited, InheritedPolicy::NotKnown));
    let gateway = match inherited {
        InheritedPolicy::OfGateway(gateway) => Some(gateway),
        InheritedPolicy::None | InheritedPolicy::NotKnown => None,
    }
    .filter(|gateway| inherits && own.iter().all(|own| own.policy.id != gateway.policy.id));
    let all: Vec<&DecidedPolicy> = own.iter().copied().chain(gateway).collect();
    let place = own.first().map_or("", |own| own.policy.at.as_str());
    if let [_, other, ..] = own {
        report.left_out(
            place,
            format_args!(
                "{} is for the same requests, and Envoy Gateway uses only the older policy; accredit requires both",
                other.policy.id
            ),
            "remove one of them, and import again",
        );
    }
    let verified: Vec<&Formula> = all.iter().filter_map(|own| own.verified.as_ref()).collect();
    let rules: Vec<&GatewayAuthorization> = all
        .iter()
        .filter_map(|own| own.policy.authorization.as_ref())
        .collect();
    if gateway.is_some() && (verified.len() > 1 || rules.len() > 1) {
        report.left_out(
            place,
            "the policy is merged with another one, and both have the same field; accredit requires both",
            "write rules for this route by hand if one of them is meant to replace the other",
        );
    }
    let verification = match verified.is_empty() {
        true => TokenCheck::Skipped,
        false => TokenCheck::Applied,
    };
    let verified = Formula::all(verified.into_iter().cloned());
    // accredit admits no request while `import` does not know the policy.
    let mut allows = match is_known {
        true => vec![NamedFormula::new(name, verified)],
        false => Vec::new(),
    };
    for own in &rules {
        allows = own
            .allows
            .iter()
            .flat_map(|rule| {
                allows.iter().map(|allow| {
                    let formula = Formula::all([allow.formula.clone(), rule.formula.clone()]);
                    NamedFormula::new(rule.name.clone(), formula)
                })
            })
            .collect();
    }
    PolicyRoute {
        name: name.to_owned(),
        region,
        verification,
        denies: rules.iter().flat_map(|own| own.denies.clone()).collect(),
        allows,
        comment: None,
    }
}
