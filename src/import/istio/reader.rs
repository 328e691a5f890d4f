//! Converts the resources of one workload to a policy.

use serde_json::Value;

use crate::import::envoy::provider::default_places;
use crate::import::formula::Formula;
use crate::import::input::ForeignDocument;
use crate::import::istio::authentication::{JwtRule, ORIGIN, jwt_rules};
use crate::import::istio::authorization::{Authorization, authorization};
use crate::import::istio::conditions::IstioScope;
use crate::import::istio::workload::{
    AUTHENTICATION, AUTHORIZATION, IstioResource, is_kind, of_one_workload,
};
use crate::import::known_issuers::needs_subject;
use crate::import::policy::{
    ImportedPolicy, ImportedTokenSource, ImportedValue, NamedFormula, PolicyRoute, TokenCheck,
};
use crate::import::report::ImportReport;

/// The policy of the workload that the resources select. `None` without any.
pub(crate) fn policy(
    documents: &[ForeignDocument],
    report: &ImportReport,
) -> Option<ImportedPolicy> {
    let is_istio = |document: &ForeignDocument| {
        is_kind(document, AUTHENTICATION) || is_kind(document, AUTHORIZATION)
    };
    if !documents.iter().any(is_istio) {
        return None;
    }
    let chosen = of_one_workload(documents, report);
    let of_kind = |kind: &str| -> Vec<IstioResource<'_>> {
        let is_it =
            |own: &&IstioResource<'_>| own.value.get("kind").and_then(Value::as_str) == Some(kind);
        chosen.iter().filter(is_it).cloned().collect()
    };
    let jwt = jwt_rules(&of_kind(AUTHENTICATION), report);
    let word_claims = word_claims(&jwt, report);
    let scope = |all_have_subjects| IstioScope {
        namespace: "default",
        word_claims: &word_claims,
        all_have_subjects,
    };
    let policies = of_kind(AUTHORIZATION);
    let mut decided = authorization(&policies, scope(false), report);
    let issuers: Vec<&str> = jwt
        .iter()
        .filter_map(|rule| Some(rule.provider.as_ref()?.issuer.as_str()))
        .collect();
    let asks_for_subject = needs_subject(&admitted(&decided), &issuers);
    if asks_for_subject {
        decided = authorization(&policies, scope(true), report);
    }
    let required = match asks_for_subject {
        true => vec![vec!["sub".to_owned()]],
        false => Vec::new(),
    };
    let providers = jwt
        .iter()
        .filter_map(|rule| rule.provider.clone())
        .map(|mut provider| {
            provider.required_claims = required.clone();
            provider
        })
        .collect();
    if policies.is_empty() {
        report.note(
            "no AuthorizationPolicy demands a token, so accredit admits requests without one (`access: optional`), as Istio does",
        );
    }
    report.note("Istio verifies no token of a CORS preflight, and accredit does; give preflights a rule with `match: { preflight: true }` and \
         `access: anonymous` in front of the others if browsers send them");
    Some(ImportedPolicy {
        origin: ORIGIN,
        providers,
        token_places: places(&jwt, report),
        payload_header: payload_header(&jwt, report),
        verified_headers: jwt
            .iter()
            .flat_map(|rule| rule.claim_header_names.iter().chain(&rule.payload_header))
            .map(|name| name.to_ascii_lowercase())
            .collect(),
        strip_headers: Vec::new(),
        forward_token: forward_token(&jwt, report),
        error_details: true,
        routes: routes(decided),
    })
}

/// Istio verifies no token of a preflight, and then decides about it as about a request without a token.
fn routes(authorization: Authorization) -> Vec<PolicyRoute> {
    let Authorization { denies, allows } = authorization;
    let allows =
        allows.unwrap_or_else(|| vec![NamedFormula::new("every-request", Formula::always())]);
    vec![PolicyRoute {
        name: "every-request".to_owned(),
        region: Formula::always(),
        verification: TokenCheck::Applied,
        denies,
        allows,
        comment: None,
    }]
}

fn admitted(authorization: &Authorization) -> Formula {
    let allows = authorization
        .allows
        .as_ref()
        .map_or_else(Formula::always, |allows| {
            Formula::any(allows.iter().map(|allow| allow.formula.clone()))
        });
    Formula::all(
        authorization
            .denies
            .iter()
            .map(|deny| Formula::not(deny.formula.clone()))
            .chain([allows]),
    )
}

/// The claims that are lists of words for every issuer.
fn word_claims(jwt: &[JwtRule], report: &ImportReport) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for claim in jwt.iter().flat_map(|rule| &rule.word_claims) {
        if all.contains(claim) {
            continue;
        }
        if jwt.iter().any(|rule| !rule.word_claims.contains(claim)) {
            report.left_out(
                "spaceDelimitedClaims",
                format_args!(
                    "the issuers differ about {claim}, so accredit does not split it into words"
                ),
                "write a condition over its words in `when`",
            );
        } else {
            all.push(claim.clone());
        }
    }
    all
}

fn places(jwt: &[JwtRule], report: &ImportReport) -> Vec<ImportedTokenSource> {
    let mut all: Vec<ImportedTokenSource> = Vec::new();
    for place in jwt.iter().flat_map(|rule| &rule.places) {
        if !all.iter().any(|own| own.kind == place.kind) {
            all.push(place.clone());
        }
    }
    let first = jwt.first().map(|rule| &rule.places);
    if jwt.iter().any(|rule| Some(&rule.places) != first) {
        report.left_out(
            "jwtRules",
            "the issuers have their tokens in different places, and accredit reads every token from each of them",
            "remove places from `token_sources` that none of your clients uses",
        );
    }
    match all.is_empty() {
        true => default_places(),
        false => all,
    }
}

fn payload_header(jwt: &[JwtRule], report: &ImportReport) -> Option<String> {
    let first = jwt.first()?.payload_header.clone();
    if jwt.iter().any(|rule| rule.payload_header != first) {
        report.left_out(
            "outputPayloadToHeader",
            "the issuers differ in it, and accredit has one `payload_header`",
            "set `payload_header` if one header serves all upstreams",
        );
        return None;
    }
    first
}

fn forward_token(jwt: &[JwtRule], report: &ImportReport) -> ImportedValue<bool> {
    let first = jwt
        .first()
        .map_or(ImportedValue::Default(false), |rule| rule.forward.clone());
    if jwt.iter().any(|rule| rule.forward.value() != first.value()) {
        report.left_out(
            "forwardOriginalToken",
            "the issuers differ in it, and accredit removes the token of all",
            "set `forward_token: true` on the rules whose upstream needs the token",
        );
        return ImportedValue::Given(false);
    }
    first
}
