//! The rules of `authorization`: the first that applies decides.

use crate::import::addresses;
use crate::import::claims::{ClaimShape, ClaimTest};
use crate::import::envoy::matchers::no_equivalent;
use crate::import::formula::{Atom, Formula};
use crate::import::members::Members;
use crate::import::policy::NamedFormula;
use crate::import::text_test::TextTest;

/// The rules of `authorization`: who is denied, and who is allowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct GatewayAuthorization {
    pub(crate) denies: Vec<NamedFormula>,
    pub(crate) allows: Vec<NamedFormula>,
}

/// What the conditions of one policy refer to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GatewayScope<'a> {
    /// The beginning of the names of rules.
    pub(crate) policy: &'a str,
    /// The providers, each with its issuer. A merged policy also has those of the policy of the Gateway.
    pub(crate) issuers: &'a [(String, Option<String>)],
    /// Whether the address of the client is that of the connection's peer.
    pub(crate) peer_is_client: bool,
}

pub(crate) fn authorization(members: Members<'_>, scope: GatewayScope<'_>) -> GatewayAuthorization {
    let report = members.report();
    let default_allows = match members.text("defaultAction").as_deref() {
        Some("Allow") => true,
        None | Some("Deny") => false,
        Some(_) => {
            let _ = no_equivalent(&members.at("defaultAction"), "this action", report);
            false
        }
    };
    let mut found = GatewayAuthorization::default();
    let mut denied: Vec<Formula> = Vec::new();
    for (number, rule) in members.mappings("rules").into_iter().enumerate() {
        let at = rule.place().to_owned();
        let name = rule
            .text("name")
            .unwrap_or_else(|| format!("rule-{number}"));
        let name = format!("{}/{name}", scope.policy);
        let action = rule.text("action");
        let denies = action.as_deref() == Some("Deny");
        let formula = self::rule(rule, denies, scope);
        match action.as_deref() {
            Some("Allow") => {
                // An earlier rule that denies decides first.
                let not_denied = denied.iter().cloned().map(Formula::not);
                let formula = Formula::all(not_denied.chain([formula]));
                found.allows.push(NamedFormula::new(name, formula));
            }
            Some("Deny") if found.allows.is_empty() => {
                found.denies.push(NamedFormula::new(name, formula));
            }
            Some("Deny") => denied.push(formula),
            _ => {
                let unknown = no_equivalent(&at, "this action", report);
                found.denies.push(NamedFormula::new(name, unknown));
            }
        }
    }
    if default_allows {
        let formula = Formula::all(denied.into_iter().map(Formula::not));
        found.allows.push(NamedFormula::new(
            format!("{}/default", scope.policy),
            formula,
        ));
    }
    members.report_unread();
    found
}

/// `denies`: whether the rule denies the requests for which it holds.
fn rule(members: Members<'_>, denies: bool, scope: GatewayScope<'_>) -> Formula {
    let report = members.report();
    members.ignore(&["name", "action"]);
    let mut parts = Vec::new();
    if let Some(operation) = members.mapping("operation") {
        let methods = operation.texts("methods").unwrap_or_default();
        parts.push(match methods.is_empty() {
            true => no_equivalent(operation.place(), "an operation without methods", report),
            false => Formula::Atom(Atom::Methods(
                methods.into_iter().map(TextTest::exact).collect(),
            )),
        });
        operation.report_unread();
    }
    if let Some(principal) = members.mapping("principal") {
        for name in ["clientCIDRs", "sourceCIDRs"] {
            let Some(ranges) = principal.texts(name) else {
                continue;
            };
            let at = principal.at(name);
            let is_of_peer = name == "sourceCIDRs" || scope.peer_is_client;
            if ranges.is_empty() {
                parts.push(no_equivalent(&at, "an empty list", report));
                continue;
            }
            parts.push(Formula::any(ranges.iter().map(
                |range| match addresses::range(range) {
                    Some(range) if is_of_peer => Formula::Atom(Atom::Addresses(vec![range])),
                    Some(_) => no_equivalent(
                        &at,
                        "the address of a client that a ClientTrafficPolicy finds in a header",
                        report,
                    ),
                    None => no_equivalent(&at, "this range of addresses", report),
                },
            )));
            if is_of_peer {
                report.note(format_args!(
                    "{at}: accredit compares the address of the connection's peer; it is that of the client only if no \
                     ClientTrafficPolicy sets clientIPDetection, and no other proxy stands before Envoy"
                ));
            }
        }
        for header in principal.mappings("headers") {
            let (name, values) = (header.text("name"), header.texts("values"));
            header.report_unread();
            parts.push(match name.zip(values) {
                Some((name, values)) if !values.is_empty() => {
                    Formula::any(values.into_iter().map(|value| {
                        Formula::Atom(Atom::ForwardedHeader(
                            name.clone(),
                            Some(TextTest::exact(value)),
                        ))
                    }))
                }
                _ => no_equivalent(&principal.at("headers"), "a header without values", report),
            });
        }
        if let Some(jwt) = principal.mapping("jwt") {
            parts.push(token(jwt, denies, scope));
        }
        principal.report_unread();
    }
    members.report_unread();
    Formula::all(parts)
}

fn token(members: Members<'_>, denies: bool, scope: GatewayScope<'_>) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let provider = members.text("provider");
    let issuer = scope
        .issuers
        .iter()
        .find(|(name, _)| Some(name) == provider.as_ref());
    let mut parts = vec![match issuer {
        Some((_, Some(issuer))) => {
            Formula::Atom(Atom::Issuers(vec![TextTest::exact(issuer.clone())]))
        }
        // accredit cannot use the provider, and admits none of its tokens.
        Some((_, None)) => Formula::never(),
        None => no_equivalent(&at, "a provider that the policy does not have", report),
    }];
    let scopes = members.texts("scopes").unwrap_or_default();
    parts.extend(scopes.into_iter().map(|scope| match denies {
        false => Formula::Atom(Atom::Scopes(vec![TextTest::exact(scope)])),
        // Envoy Gateway reads both claims, and accredit takes the scopes of the first one that the token has.
        true => Formula::any(["scope", "scp"].map(|name| {
            let test = vec![TextTest::exact(&scope)];
            Formula::Atom(Atom::Claim(ClaimTest::new(
                &[name],
                ClaimShape::Words,
                test,
            )))
        })),
    }));
    for claim in members.mappings("claims") {
        let (name, values) = (claim.text("name"), claim.texts("values"));
        let shape = match claim.text("valueType").as_deref() {
            None | Some("String") => Some(ClaimShape::Text),
            Some("StringArray") => Some(ClaimShape::List),
            Some(_) => None,
        };
        claim.report_unread();
        parts.push(match (name, values, shape) {
            (Some(name), Some(values), Some(shape)) if !values.is_empty() => {
                let name: Vec<&str> = name.split('.').collect();
                // Envoy Gateway splits the text of this claim into words, so the claim is always compared as a list.
                let is_words = matches!(name.as_slice(), ["scope" | "scp"]);
                let tests = values.into_iter().map(TextTest::exact).collect();
                match (is_words, shape) {
                    (true, ClaimShape::Text) => Formula::never(),
                    (true, _) => {
                        Formula::Atom(Atom::Claim(ClaimTest::new(&name, ClaimShape::Words, tests)))
                    }
                    (false, shape) => {
                        Formula::Atom(Atom::Claim(ClaimTest::new(&name, shape, tests)))
                    }
                }
            }
            _ => no_equivalent(&at, "this claim", report),
        });
    }
    members.report_unread();
    Formula::all(parts)
}
