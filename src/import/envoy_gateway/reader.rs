//! From the SecurityPolicies of an input to a policy.

use serde_json::Value;

use crate::import::envoy::joined::{entries, forward_token, payload_header, places};
use crate::import::envoy::provider::JwtAuthnProvider;
use crate::import::envoy::requirement::JwtRequirement;
use crate::import::envoy_gateway::authorization::{
    GatewayAuthorization, GatewayScope, authorization,
};
use crate::import::envoy_gateway::http_route::{MatchRank, is_http_route, requests};
use crate::import::envoy_gateway::provider::provider;
use crate::import::formula::{Atom, Formula};
use crate::import::input::ForeignDocument;
use crate::import::members::Members;
use crate::import::policy::{ImportedPolicy, NamedFormula, PolicyRoute, TokenCheck};
use crate::import::report::ImportReport;

const ORIGIN: &str = "Envoy Gateway";

/// A SecurityPolicy.
#[derive(Clone, Debug)]
struct GatewayPolicy {
    /// Namespace and name.
    id: String,
    at: String,
    namespace: String,
    targets: Vec<PolicyTarget>,
    is_merged: bool,
    requirement: Option<JwtRequirement>,
    /// The providers by their names in the policy, each with its issuer.
    issuers: Vec<(String, Option<String>)>,
    authorization: Option<GatewayAuthorization>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PolicyTarget {
    kind: String,
    name: String,
    section: Option<String>,
}

/// Whether a document is a SecurityPolicy.
fn is_policy(document: &ForeignDocument) -> bool {
    let text = |name: &str| {
        document
            .value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    text("kind") == "SecurityPolicy" && text("apiVersion").starts_with("gateway.envoyproxy.io/")
}

/// The policy of all SecurityPolicies together. `None` if there is none.
pub(crate) fn policy(
    documents: &[ForeignDocument],
    report: &ImportReport,
) -> Option<ImportedPolicy> {
    let found: Vec<&ForeignDocument> = documents.iter().filter(|own| is_policy(own)).collect();
    if found.is_empty() {
        return None;
    }
    let peer_is_client = !documents.iter().any(finds_clients);
    let mut providers = Vec::new();
    let mut policies = Vec::new();
    for document in found {
        policies.push(read(
            document,
            documents,
            &mut providers,
            peer_is_client,
            report,
        ));
    }
    let used: Vec<&JwtRequirement> = policies
        .iter()
        .filter_map(|own| own.requirement.as_ref())
        .collect();
    let entries = entries(&mut providers, &used, ORIGIN, report);
    let audiences: Vec<_> = entries
        .iter()
        .map(|entry| (entry.issuer.clone(), entry.audiences.clone()))
        .collect();
    let decided: Vec<DecidedPolicy> = policies
        .into_iter()
        .map(|own| decided(own, &providers, &audiences, report))
        .collect();
    Some(ImportedPolicy {
        origin: ORIGIN,
        token_places: places(&providers, ORIGIN, report),
        payload_header: payload_header(&providers, ORIGIN, report),
        forward_token: forward_token(&providers, ORIGIN, report),
        error_details: true,
        providers: entries,
        routes: routes(&decided, documents, report),
    })
}

/// Whether a document has Envoy find the address of the client in a header.
fn finds_clients(document: &ForeignDocument) -> bool {
    document.value.get("kind").and_then(Value::as_str) == Some("ClientTrafficPolicy")
        && document.value.pointer("/spec/clientIPDetection").is_some()
}

fn read(
    document: &ForeignDocument,
    documents: &[ForeignDocument],
    providers: &mut Vec<JwtAuthnProvider>,
    peer_is_client: bool,
    report: &ImportReport,
) -> GatewayPolicy {
    let text = |pointer: &str| {
        document
            .value
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let namespace = text("/metadata/namespace").unwrap_or_else(|| "default".to_owned());
    let id = format!("{namespace}/{}", text("/metadata/name").unwrap_or_default());
    let at = format!("{}: SecurityPolicy {id}", document.at);
    let members = Members::of(&format!("{at}: "), &document.value, report);
    members.ignore(&["apiVersion", "kind", "metadata", "status"]);
    let mut policy = GatewayPolicy {
        id: id.clone(),
        at,
        namespace: namespace.clone(),
        targets: Vec::new(),
        is_merged: false,
        requirement: None,
        issuers: Vec::new(),
        authorization: None,
    };
    let Some(spec) = members.mapping("spec") else {
        members.finish();
        return policy;
    };
    let mut targets = spec.mappings("targetRefs");
    targets.extend(spec.mapping("targetRef"));
    for target in targets {
        target.ignore(&["group"]);
        policy.targets.push(PolicyTarget {
            kind: target.text("kind").unwrap_or_default(),
            name: target.text("name").unwrap_or_default(),
            section: target.text("sectionName"),
        });
        target.finish();
    }
    if spec.has("targetSelectors") {
        report.left_out(
            &spec.at("targetSelectors"),
            "`import` does not find routes by their labels",
            "name the routes in `targetRefs`, or set the context extension of the rule on them",
        );
    }
    policy.is_merged = spec.has("mergeType");
    if let Some(jwt) = spec.mapping("jwt") {
        let mut parts = Vec::new();
        for own in jwt.mappings("providers") {
            let name = own.text("name").unwrap_or_default();
            let found = provider(format!("{id}/{name}"), own, &namespace, documents);
            let issuer = found.provider.as_ref().map(|own| own.issuer.clone());
            parts.push(JwtRequirement::Provider(found.name.clone(), None));
            policy.issuers.push((name, issuer));
            providers.push(found);
        }
        if jwt.flag("optional").unwrap_or(false) {
            parts.push(JwtRequirement::AllowMissing);
        }
        if jwt.flag("failOpen").unwrap_or(false) {
            report.left_out(
                &jwt.at("failOpen"),
                "accredit refuses a request whose token fails",
                "give requests that need no token a rule with `access: anonymous`",
            );
            parts.push(JwtRequirement::AllowAll);
        }
        jwt.finish();
        policy.requirement = Some(JwtRequirement::Any(parts));
    }
    if let Some(own) = spec.mapping("authorization") {
        let scope = GatewayScope {
            policy: &id,
            issuers: &policy.issuers,
            peer_is_client,
        };
        policy.authorization = Some(authorization(own, scope));
    }
    for name in ["basicAuth", "apiKeyAuth", "oidc", "extAuth"] {
        if spec.has(name) {
            report.left_out(
                &spec.at(name),
                "accredit does not do this",
                "keep it in the SecurityPolicy; without it requests are admitted that it refuses",
            );
        }
    }
    spec.ignore(&["cors"]);
    spec.finish();
    members.finish();
    policy
}

/// A policy with its formulas.
struct DecidedPolicy {
    policy: GatewayPolicy,
    verified: Option<Formula>,
}

fn decided(
    policy: GatewayPolicy,
    providers: &[JwtAuthnProvider],
    audiences: &[(String, Vec<String>)],
    report: &ImportReport,
) -> DecidedPolicy {
    let verified = policy
        .requirement
        .as_ref()
        .map(|own| own.formula(&policy.at, providers, audiences, report));
    DecidedPolicy { policy, verified }
}

/// The routes with a policy of their own, then the others of a Gateway with a policy.
fn routes(
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
    let gateway = gateways
        .first()
        .filter(|_| gateways.len() == 1)
        .map(|(own, _)| *own);
    let mut ranked: Vec<(MatchRank, PolicyRoute)> = Vec::new();
    let mut by_context = Vec::new();
    for document in documents.iter().filter(|document| is_http_route(document)) {
        let text = |pointer: &str| document.value.pointer(pointer).and_then(Value::as_str);
        let name = text("/metadata/name").unwrap_or_default();
        let namespace = text("/metadata/namespace").unwrap_or("default");
        for own in requests(document, report) {
            let is_target = |target: &PolicyTarget| {
                target.kind == "HTTPRoute"
                    && target.name == name
                    && (target.section.is_none() || target.section == own.section)
            };
            let policy = decided.iter().rev().find(|decided| {
                decided.policy.namespace == namespace
                    && decided.policy.targets.iter().any(is_target)
            });
            let route = route(
                &format!("{namespace}/{name}"),
                own.region,
                policy,
                gateway,
                report,
            );
            ranked.push((own.rank, route));
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    for (own, target) in targets("HTTPRoute").into_iter().chain(targets("GRPCRoute")) {
        let is_there = target.kind == "HTTPRoute"
            && documents
                .iter()
                .filter(|document| is_http_route(document))
                .any(|document| {
                    document
                        .value
                        .pointer("/metadata/name")
                        .and_then(Value::as_str)
                        == Some(&target.name)
                });
        if !is_there {
            by_context.push(in_context(own, gateway, report));
        }
    }
    if gateway.is_none() {
        by_context.extend(
            gateways
                .iter()
                .map(|(own, _)| in_context(own, None, report)),
        );
    }
    let untargeted = decided.iter().filter(|own| own.policy.targets.is_empty());
    by_context.extend(untargeted.map(|own| in_context(own, None, report)));
    by_context.dedup_by(|one, other| one.name == other.name);
    let mut routes = by_context;
    routes.extend(ranked.into_iter().map(|(_, route)| route));
    if gateway.is_some() {
        report.note("the SecurityPolicy of the Gateway decides about every route that has no policy of its own in the input");
    }
    routes.push(match gateway {
        Some(own) => route(&own.policy.id, Formula::yes(), Some(own), None, report),
        None => PolicyRoute {
            name: "without-policy".to_owned(),
            region: Formula::yes(),
            verification: TokenCheck::Applied,
            denies: Vec::new(),
            allows: Vec::new(),
            comment: Some("No SecurityPolicy of the input is for these requests.".to_owned()),
        },
    });
    routes
}

/// The requests of a policy whose route is not in the input.
fn in_context(
    own: &DecidedPolicy,
    gateway: Option<&DecidedPolicy>,
    report: &ImportReport,
) -> PolicyRoute {
    let id = &own.policy.id;
    report.left_out(
        &own.policy.at,
        "the route that it is for is not in the input, so a context extension selects its requests",
        format_args!(
            "set `contextExtensions: [{{ name: policy, type: Value, value: {id} }}]` in the `extAuth` of a SecurityPolicy for that \
             route, or add the HTTPRoute to the input"
        ),
    );
    let region = Formula::Atom(Atom::Context("policy".to_owned(), id.clone()));
    let found = route(id, region, Some(own), gateway, report);
    PolicyRoute {
        comment: Some(format!(
            "In the extAuth of the route's SecurityPolicy: contextExtensions: [{{ name: policy, type: Value, value: {id} }}]"
        )),
        ..found
    }
}

/// A route under its own policy, or that of the Gateway, or both if its own one has `mergeType`.
fn route(
    name: &str,
    region: Formula,
    own: Option<&DecidedPolicy>,
    gateway: Option<&DecidedPolicy>,
    report: &ImportReport,
) -> PolicyRoute {
    let gateway = gateway.filter(|gateway| {
        own.is_none_or(|own| own.policy.is_merged && own.policy.id != gateway.policy.id)
    });
    let all: Vec<&DecidedPolicy> = own.into_iter().chain(gateway).collect();
    let verified: Vec<&Formula> = all.iter().filter_map(|own| own.verified.as_ref()).collect();
    let rules: Vec<&GatewayAuthorization> = all
        .iter()
        .filter_map(|own| own.policy.authorization.as_ref())
        .collect();
    if verified.len() > 1 || rules.len() > 1 {
        report.left_out(
            &own.map_or_else(String::new, |own| own.policy.at.clone()),
            "it and the policy of the Gateway, which it is merged with, have the same field; accredit requires both",
            "write rules for this route by hand if one of them is meant to replace the other",
        );
    }
    let verification = match verified.is_empty() {
        true => TokenCheck::Skipped,
        false => TokenCheck::Applied,
    };
    let verified = Formula::all(verified.into_iter().cloned());
    let mut allows = vec![NamedFormula::new(name, verified)];
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
