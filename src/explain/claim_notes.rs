//! The notes of the steps that compare claims: what the token has, and what the issuer entry or the rule requires.

use accredit_core::authn::issuers::Issuer;
use accredit_core::rules::demands::Demands;
use accredit_core::token::claims::{Audience, Claims};
use accredit_core::token::requirements::{AbsentAudience, Audiences, Requirements};
use accredit_core::token::scope::ScopeRanges;

use crate::admin::text::span;

pub fn audience_note(claims: &Claims, requirements: &Requirements) -> String {
    let Audiences::OneOf { accepted, absent } = &requirements.audiences else {
        return "aud is not checked (audiences: any)".to_owned();
    };
    let name = audience_claims(requirements);
    match (claims.audience(&requirements.audience_claims), absent) {
        (Audience::Absent, AbsentAudience::Accept) => {
            format!("{name} is absent, which is accepted (audience_absent: accept)")
        }
        (Audience::Absent, AbsentAudience::Refuse) => {
            format!("{name} is absent; accepted audiences: {accepted:?}")
        }
        (Audience::Named(named), _) => {
            let named: Vec<&str> = named.texts().collect();
            format!("{name} is {named:?}; accepted audiences: {accepted:?}")
        }
    }
}

fn audience_claims(requirements: &Requirements) -> String {
    let names: Vec<String> = requirements
        .audience_claims
        .iter()
        .map(ToString::to_string)
        .collect();
    names.join(", ")
}

/// `None` if the issuer entry requires values. The cause of a denial names the claim that has none of them.
pub fn claims_note(requirements: &Requirements) -> Option<String> {
    let is_required = !requirements.claims.is_empty();
    (!is_required).then(|| "the issuer entry requires no values of claims".to_owned())
}

/// `None` if one claim is missing, which the cause of the denial names.
pub fn missing_note(claims: &Claims, issuer: &Issuer) -> Option<String> {
    let missing: Vec<String> = issuer
        .requirements
        .required_claims
        .iter()
        .filter(|name| !claims.has(name))
        .map(ToString::to_string)
        .collect();
    match missing.len() {
        0 => Some("all required claims are present".to_owned()),
        1 => None,
        _ => Some(format!("missing claims: {missing:?}")),
    }
}

/// `None` if a claim is missing, which the cause of the denial names.
pub fn lifetime_note(claims: &Claims, requirements: &Requirements) -> Option<String> {
    let Some(maximum) = requirements.max_lifetime else {
        return Some("the issuer entry has no max_lifetime".to_owned());
    };
    let seconds = |seconds: f64| format!("{seconds}s ({})", span(seconds));
    let maximum = seconds(maximum.as_secs_f64());
    match (claims.date("iat"), claims.date("exp")) {
        (Ok(Some(issued)), Ok(Some(expires))) => Some(format!(
            "exp - iat is {}; max_lifetime is {maximum}",
            seconds(expires.seconds_since(issued))
        )),
        _ => None,
    }
}

pub fn rule_issuers_note(claims: &Claims, demands: &Demands) -> Option<String> {
    let accepted = demands.issuers.as_ref()?;
    let issuer = claims.issuer().unwrap_or_default();
    Some(format!("iss is {issuer:?}; the rule accepts {accepted:?}"))
}

pub fn rule_audiences_note(
    claims: &Claims,
    requirements: &Requirements,
    demands: &Demands,
) -> Option<String> {
    let accepted = demands.audiences.as_ref()?;
    let name = audience_claims(requirements);
    Some(match claims.audience(&requirements.audience_claims) {
        Audience::Absent => format!("{name} is absent; the rule accepts {accepted:?}"),
        Audience::Named(named) => {
            let named: Vec<&str> = named.texts().collect();
            format!("{name} is {named:?}; the rule accepts {accepted:?}")
        }
    })
}

/// The note of `scopes` and `any_scope`. `required` is what the rule requires, in words.
pub fn scopes_note(claims: &Claims, requirements: &Requirements, required: &str) -> String {
    let ranges = ScopeRanges::read(claims, &requirements.scope_claims);
    let own: Vec<&str> = ranges.of(claims).iter().collect();
    format!("the token's scopes are {own:?}; the rule requires {required}")
}
