//! `RequestAuthentication`: the issuers whose tokens Istio verifies, and where it reads tokens.

use crate::import::envoy::provider::{ALGORITHMS, CLOCK_SKEW, default_places, header_place};
use crate::import::issuers::usable;
use crate::import::istio::workload::IstioResource;
use crate::import::members::Members;
use crate::import::policy::{
    ImportedTokenSource, ImportedValue, ProviderKeys, TokenPlaceKind, TokenProvider,
};
use crate::import::report::ImportReport;

pub(crate) const ORIGIN: &str = "Istio";

/// The element of `jwtRules` that a RequestAuthentication gives.
#[derive(Clone, Debug)]
pub(crate) struct JwtRule {
    /// `None` if accredit has no equivalent for it, which is in the report.
    pub(crate) provider: Option<TokenProvider>,
    pub(crate) places: Vec<ImportedTokenSource>,
    pub(crate) forward: ImportedValue<bool>,
    pub(crate) payload_header: Option<String>,
    /// The names of the claim headers, also if accredit cannot use the issuer.
    pub(crate) claim_header_names: Vec<String>,
    /// The claims whose texts are lists of words.
    pub(crate) word_claims: Vec<String>,
}

/// The claims that are always lists of words.
const WORD_CLAIMS: [&str; 2] = ["scope", "permission"];

/// Every element of all resources: those that select the same workload are joined.
pub(crate) fn jwt_rules(resources: &[IstioResource<'_>], report: &ImportReport) -> Vec<JwtRule> {
    let mut rules: Vec<JwtRule> = Vec::new();
    for resource in resources {
        let at = format!("{}: ", resource.at);
        let members = Members::of(&at, resource.value, report);
        members.ignore(&["apiVersion", "kind", "metadata", "status"]);
        if let Some(spec) = members.mapping("spec") {
            spec.ignore(&["selector", "targetRef", "targetRefs"]);
            for rule in spec.mappings("jwtRules") {
                let rule = jwt_rule(rule);
                let issuer = |rule: &JwtRule| rule.provider.as_ref().map(|own| own.issuer.clone());
                let is_second = issuer(&rule).is_some_and(|own| {
                    rules
                        .iter()
                        .any(|other| issuer(other).as_ref() == Some(&own))
                });
                match (is_second, &rule.provider) {
                    (true, Some(provider)) => {
                        report.left_out(
                            &provider.at,
                            "a second rule for this issuer; accredit has one entry for each issuer",
                            "join the two, or import the one that you want",
                        );
                        if let Some(first) = rules.first_mut() {
                            let names = rule.claim_header_names.iter();
                            let names = names.chain(&rule.payload_header).cloned();
                            first.claim_header_names.extend(names);
                        }
                    }
                    _ => rules.push(rule),
                }
            }
            spec.report_unread();
        }
        members.report_unread();
    }
    rules
}

fn jwt_rule(members: Members<'_>) -> JwtRule {
    let (at, report) = (members.place().to_owned(), members.report());
    let issuer = members.text("issuer").filter(|issuer| !issuer.is_empty());
    let timeout = members.milliseconds("timeout");
    let inline = members.text("jwks").filter(|text| !text.is_empty());
    let uri = members.text("jwksUri").filter(|uri| !uri.is_empty());
    let keys = match (inline, uri) {
        (Some(text), _) => ProviderKeys::Inline(text),
        (None, Some(uri)) => ProviderKeys::Uri {
            uri,
            timeout,
            refresh: None,
            ca_file: None,
        },
        (None, None) => ProviderKeys::Discovery,
    };
    let audiences = members.texts("audiences").unwrap_or_default();
    let claim_headers = members
        .mappings("outputClaimToHeaders")
        .into_iter()
        .filter_map(|mapping| {
            let names = mapping.text("header").zip(mapping.text("claim"));
            mapping.report_unread();
            let (header, claim) = names?;
            let claim = claim.split('.').map(str::to_owned).collect();
            Some((header.to_ascii_lowercase(), claim))
        })
        .collect::<Vec<_>>();
    let claim_header_names = claim_headers.iter().map(|(name, _)| name.clone()).collect();
    let provider = match issuer {
        Some(issuer) => usable(
            TokenProvider {
                at: at.clone(),
                issuer,
                audiences,
                keys,
                algorithms: ALGORITHMS,
                clock_skew: ImportedValue::Default(CLOCK_SKEW),
                max_lifetime: None,
                required_claims: Vec::new(),
                scope_claims: Some(vec!["scope".to_owned()]),
                claim_headers,
                subjects: None,
            },
            ORIGIN,
            report,
        ),
        None => {
            report.left_out(&at, "a rule without `issuer`", "add the issuer");
            None
        }
    };
    let mut word_claims = members.texts("spaceDelimitedClaims").unwrap_or_default();
    word_claims.extend(WORD_CLAIMS.map(str::to_owned));
    let rule = JwtRule {
        provider,
        claim_header_names,
        places: places(&members),
        forward: match members.flag("forwardOriginalToken") {
            Some(forward) => ImportedValue::Given(forward),
            None => ImportedValue::Default(false),
        },
        payload_header: members
            .text("outputPayloadToHeader")
            .filter(|name| !name.is_empty())
            .map(|name| name.to_ascii_lowercase()),
        word_claims,
    };
    members.report_unread();
    rule
}

fn places(members: &Members<'_>) -> Vec<ImportedTokenSource> {
    let report = members.report();
    let mut kinds = Vec::new();
    let headers = members.mappings("fromHeaders");
    let queries = members.texts("fromParams").unwrap_or_default();
    let cookies = members.texts("fromCookies").unwrap_or_default();
    if headers.is_empty() && queries.is_empty() && cookies.is_empty() {
        return default_places();
    }
    for header in headers {
        let (name, prefix) = (header.text("name"), header.text("prefix"));
        let at = header.place().to_owned();
        header.report_unread();
        let place =
            name.and_then(|name| header_place(&name, &prefix.unwrap_or_default(), &at, report));
        kinds.extend(place);
    }
    kinds.extend(queries.into_iter().map(TokenPlaceKind::Query));
    kinds.extend(cookies.into_iter().map(TokenPlaceKind::Cookie));
    kinds
        .into_iter()
        .map(|kind| ImportedTokenSource {
            kind,
            is_default: false,
        })
        .collect()
}
