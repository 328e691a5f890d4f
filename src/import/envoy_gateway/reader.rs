//! From the SecurityPolicies of an input to a policy.

use crate::import::envoy::joined::{
    entries, forward_token, payload_header, places, verified_headers,
};
use crate::import::envoy::requirement::JwtRequirement;
use crate::import::envoy_gateway::policy_routes::routes;
use crate::import::envoy_gateway::security_policy::{
    DecidedPolicy, decided, finds_clients, inherited_issuers, is_policy, read,
};
use crate::import::input::ForeignDocument;
use crate::import::policy::ImportedPolicy;
use crate::import::report::ImportReport;

const ORIGIN: &str = "Envoy Gateway";

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
    for document in &found {
        policies.push(read(document, documents, &mut providers, report));
    }
    let inherited = inherited_issuers(&policies);
    for (policy, document) in policies.iter_mut().zip(&found) {
        policy.read_authorization(document, &inherited, peer_is_client, report);
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
        verified_headers: verified_headers(&providers),
        strip_headers: Vec::new(),
        forward_token: forward_token(&providers, ORIGIN, report),
        error_details: true,
        providers: entries,
        routes: routes(&decided, documents, report),
    })
}
