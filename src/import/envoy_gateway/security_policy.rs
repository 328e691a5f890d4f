//! A SecurityPolicy of the input, and its formulas.

use serde_json::Value;

use crate::import::envoy::provider::JwtAuthnProvider;
use crate::import::envoy::requirement::JwtRequirement;
use crate::import::envoy_gateway::authorization::{
    GatewayAuthorization, GatewayScope, authorization,
};
use crate::import::envoy_gateway::provider::provider;
use crate::import::envoy_gateway::targets::PolicyTarget;
use crate::import::formula::Formula;
use crate::import::input::ForeignDocument;
use crate::import::members::Members;
use crate::import::report::ImportReport;

/// A SecurityPolicy.
#[derive(Clone, Debug)]
pub(super) struct GatewayPolicy {
    /// Namespace and name.
    pub(super) id: String,
    pub(super) at: String,
    pub(super) namespace: String,
    pub(super) targets: Vec<PolicyTarget>,
    pub(super) has_selectors: bool,
    pub(super) is_merged: bool,
    pub(super) requirement: Option<JwtRequirement>,
    /// The providers by their names in the policy, each with its issuer.
    issuers: Vec<(String, Option<String>)>,
    pub(super) authorization: Option<GatewayAuthorization>,
}

/// Whether a document is a SecurityPolicy.
pub(super) fn is_policy(document: &ForeignDocument) -> bool {
    let text = |name: &str| {
        document
            .value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    text("kind") == "SecurityPolicy" && text("apiVersion").starts_with("gateway.envoyproxy.io/")
}

/// Whether a document has Envoy find the address of the client in a header.
pub(super) fn finds_clients(document: &ForeignDocument) -> bool {
    document.value.get("kind").and_then(Value::as_str) == Some("ClientTrafficPolicy")
        && document.value.pointer("/spec/clientIPDetection").is_some()
}

/// Reads a SecurityPolicy without its `authorization`. Its providers are added to `providers`.
pub(super) fn read(
    document: &ForeignDocument,
    documents: &[ForeignDocument],
    providers: &mut Vec<JwtAuthnProvider>,
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
        has_selectors: false,
        is_merged: false,
        requirement: None,
        issuers: Vec::new(),
        authorization: None,
    };
    let Some(spec) = members.mapping("spec") else {
        members.report_unread();
        return policy;
    };
    let mut targets = spec.mappings("targetRefs");
    targets.extend(spec.mapping("targetRef"));
    for target in targets {
        policy.targets.push(PolicyTarget::of(&target));
        target.report_unread();
    }
    policy.has_selectors = spec.has("targetSelectors");
    if policy.has_selectors {
        report.left_out(
            &spec.at("targetSelectors"),
            "`import` does not find routes by their labels, so accredit denies the requests of routes that have no other policy",
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
                "accredit denies a request whose token fails",
                "give requests that need no token a rule with `access: anonymous`",
            );
            parts.push(JwtRequirement::AllowAll);
        }
        jwt.report_unread();
        policy.requirement = Some(JwtRequirement::Any(parts));
    }
    for name in ["basicAuth", "apiKeyAuth", "oidc", "extAuth"] {
        if spec.has(name) {
            report.left_out(
                &spec.at(name),
                "accredit does not do this",
                "keep it in the SecurityPolicy; without it requests are admitted that it denies",
            );
        }
    }
    spec.ignore(&["authorization", "cors"]);
    spec.report_unread();
    members.report_unread();
    policy
}

/// The providers of the policies of Gateways, each with its issuer: merged policies can name them.
pub(super) fn inherited_issuers(policies: &[GatewayPolicy]) -> Vec<(String, Option<String>)> {
    let is_of_gateway =
        |policy: &&GatewayPolicy| policy.targets.iter().any(|target| target.kind == "Gateway");
    let gateways = policies.iter().filter(is_of_gateway);
    gateways.flat_map(|policy| policy.issuers.clone()).collect()
}

impl GatewayPolicy {
    /// Reads the `authorization` of the policy from its document.
    pub(super) fn read_authorization(
        &mut self,
        document: &ForeignDocument,
        inherited: &[(String, Option<String>)],
        peer_is_client: bool,
        report: &ImportReport,
    ) {
        let members = Members::of(&format!("{}: ", self.at), &document.value, report);
        let spec = members.mapping("spec");
        let Some(own) = spec.and_then(|spec| spec.mapping("authorization")) else {
            return;
        };
        let mut issuers = self.issuers.clone();
        if self.is_merged {
            issuers.extend_from_slice(inherited);
        }
        let scope = GatewayScope {
            policy: &self.id,
            issuers: &issuers,
            peer_is_client,
        };
        self.authorization = Some(authorization(own, scope));
    }
}

/// A policy with its formulas.
pub(super) struct DecidedPolicy {
    pub(super) policy: GatewayPolicy,
    pub(super) verified: Option<Formula>,
}

pub(super) fn decided(
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
