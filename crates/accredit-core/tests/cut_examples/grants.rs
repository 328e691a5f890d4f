//! What a configuration grants, as a set that grows with what it admits.

use std::collections::BTreeSet;

use accredit_core::config::settings::{IssuerSettings, Settings};
use accredit_core::config::{load, resolve};
use accredit_core::jose::algorithm::Algorithm;
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};
use accredit_core::rules::demands::Demands;
use accredit_core::rules::rule::Access;
use accredit_core::rules::table::RuleTable;
use accredit_core::token::claim_demand::ClaimDemand;
use accredit_core::token::requirements::{AbsentAudience, Audiences, Binding};

const METHODS: [&str; 4] = ["GET", "POST", "DELETE", "OPTIONS"];
const HOSTS: [&str; 3] = ["api.acme.example", "other.example", "a.acme.example"];
const PATHS: [&str; 12] = [
    "/",
    "/healthz",
    "/public/a/b",
    "/catalogue/1",
    "/deployments",
    "/deployments/1",
    "/reports/1",
    "/internal",
    "/admin/keys",
    "/p",
    "/orders/7",
    "/a/b/c",
];
const PREFLIGHT: [(&str, &[u8]); 2] = [
    ("origin", b"https://app.example"),
    ("access-control-request-method", b"DELETE"),
];

/// The settings of a text; `None` if it is refused.
fn settings(text: &str) -> Option<Settings> {
    let variable = |name: &str| {
        let value = match name {
            _ if name.contains("LISTEN") => "127.0.0.1:9191",
            "CLOCK_SKEW" => "30s",
            _ => "https://variable.example",
        };
        Some(value.to_owned())
    };
    let (document, problems) = load::read(text, &variable).ok()?;
    Some(resolve::resolve(&document, problems).ok()?.settings)
}

/// What a configuration grants, as a list in which more entries are laxer: `request 7 needs no token`,
/// `tokens of https://a.example`.
pub(crate) fn grants(text: &str) -> Option<BTreeSet<String>> {
    let mut settings = settings(text)?;
    let mut grants = BTreeSet::new();
    for issuer in &settings.issuers {
        grants_of_issuer(issuer, &mut grants);
    }
    if settings.tls.is_none() {
        grants.insert("checks without TLS".to_owned());
    }
    if settings.admin_tls.is_none() {
        grants.insert("admin without TLS".to_owned());
    }
    for tls in [&settings.tls, &settings.admin_tls].into_iter().flatten() {
        if tls.client_ca.is_none() {
            grants.insert("clients without certificates".to_owned());
        }
        grants.extend(tls.client_names.iter().map(|name| format!("client {name}")));
    }
    let sources = settings.token_sources.iter();
    grants.extend(sources.map(|source| format!("tokens in {source:?}")));
    grants.insert(format!("the token: {:?}", settings.token_forwarding));
    grants.insert(format!("without keys: {:?}", settings.unavailable));
    grants.insert(format!("admin at {}", settings.admin_listen));
    grants.extend(
        settings
            .admin_hosts
            .iter()
            .map(|host| format!("admin as {host}")),
    );
    let claims = settings.log_claims.iter();
    grants.extend(claims.map(|claim| format!("{claim} in the log")));
    let rules = std::mem::take(&mut settings.rules);
    let table = RuleTable::new(rules, settings.ambiguous_paths);
    grants_of_rules(&table, &mut grants);
    Some(grants)
}

fn grants_of_issuer(issuer: &IssuerSettings, grants: &mut BTreeSet<String>) {
    let requirements = &issuer.requirements;
    for name in &issuer.names {
        let mut grant = |what: String| grants.insert(format!("tokens of {name}: {what}"));
        grant(format!("keys of {:?}", issuer.key_source));
        match &requirements.audiences {
            Audiences::Any => {
                grant("any audience".to_owned());
            }
            Audiences::OneOf { accepted, absent } => {
                for audience in accepted {
                    grant(format!("audience {audience}"));
                }
                if *absent == AbsentAudience::Accept {
                    grant("no audience".to_owned());
                }
            }
        }
        for algorithm in Algorithm::ALL {
            if requirements.algorithms.contains(algorithm) {
                grant(format!("algorithm {algorithm:?}"));
            }
        }
        grants_of_claims(&requirements.claims, &mut grant);
        if requirements.binding == Binding::Ignore {
            grant("bound tokens without proof".to_owned());
        }
        let required: Vec<String> = requirements
            .required_claims
            .iter()
            .map(ToString::to_string)
            .collect();
        for claim in ["sub", "iat", "jti", "client_id", "oid"] {
            if !required.iter().any(|own| own == claim) {
                grant(format!("no claim {claim}"));
            }
        }
        for seconds in [1, 60, 3_600, 86_400] {
            let span = std::time::Duration::from_secs(seconds);
            if requirements.clock_skew >= span {
                grant(format!("expired for {seconds} s"));
            }
            if requirements.max_lifetime.is_none_or(|most| most >= span) {
                grant(format!("a lifetime of {seconds} s"));
            }
            if issuer.fetch.max_stale >= span {
                grant(format!("keys of {seconds} s"));
            }
        }
    }
}

fn grants_of_rules(rules: &RuleTable, grants: &mut BTreeSet<String>) {
    if rules.iter().next().is_none() {
        grants.insert("the default rule decides every request".to_owned());
        return;
    }
    for (number, (method, host, path, preflight, tier)) in samples().enumerate() {
        let headers: &[(&str, &[u8])] = if preflight { &PREFLIGHT } else { &[] };
        let request = Request {
            method,
            host,
            path,
            headers: Headers::new(headers.iter().copied(), Completeness::Complete),
            source_address: "",
            source_principal: "",
            source_certificate: ClientCertificate::Absent,
            scheme: "https",
            context: tier.map(|tier| ("tier", tier)).into_iter().collect(),
            trace: None,
        };
        let Ok(facts) = rules.read(&request) else {
            continue;
        };
        let mut grant = |what: String| grants.insert(format!("request {number} with {what}"));
        let Ok(rule) = rules.select(&facts) else {
            continue;
        };
        match &rule.access {
            Access::Deny => {}
            Access::Anonymous { when } => {
                grant(format!("no token if {}", when.is_some()));
                if when.is_none() {
                    grant("no token".to_owned());
                }
                grants_of_demands(&Demands::default(), &mut grant);
            }
            Access::Optional(demands) => {
                grant("no token".to_owned());
                grants_of_demands(demands, &mut grant);
            }
            Access::Token(demands) => grants_of_demands(demands, &mut grant),
        }
    }
}

/// The sample tokens that fulfil the demands, one for each demand that could be missing.
fn grants_of_demands(demands: &Demands, grant: &mut impl FnMut(String) -> bool) {
    grant("some token".to_owned());
    if demands.when.is_none() {
        grant("any condition".to_owned());
    }
    match &demands.issuers {
        Some(issuers) => issuers.iter().for_each(|issuer| {
            grant(format!("a token of {issuer}"));
        }),
        None => {
            grant("a token of any issuer".to_owned());
        }
    }
    match &demands.audiences {
        Some(audiences) => audiences.iter().for_each(|audience| {
            grant(format!("audience {audience}"));
        }),
        None => {
            grant("any audience".to_owned());
        }
    }
    for scope in [
        "deploy:applications",
        "read:deployments",
        "ops",
        "admin",
        "reports:read",
    ] {
        if !demands.scopes.iter().any(|own| own == scope) {
            grant(format!("no scope {scope}"));
        }
    }
    if demands.any_scope.is_empty() {
        grant("no scope at all".to_owned());
    }
    for scope in demands.any_scope.iter() {
        grant(format!("the one scope {scope}"));
    }
    grants_of_claims(&demands.claims, grant);
}

fn grants_of_claims(demands: &[ClaimDemand], grant: &mut impl FnMut(String) -> bool) {
    for claim in [
        "azp",
        "email_verified",
        "realm_access.roles",
        "acr",
        "https://acme.example/roles",
    ] {
        if !demands.iter().any(|own| own.name.to_string() == claim) {
            grant(format!("any value of the claim {claim}"));
        }
    }
    for demand in demands {
        for value in demand.any_of.iter() {
            grant(format!("the claim {} of {value:?}", demand.name));
        }
    }
}

fn samples() -> impl Iterator<
    Item = (
        &'static str,
        &'static str,
        &'static str,
        bool,
        Option<&'static str>,
    ),
> {
    let tiers = [None, Some("internal"), Some("public")];
    METHODS.into_iter().flat_map(move |method| {
        HOSTS.into_iter().flat_map(move |host| {
            PATHS.into_iter().flat_map(move |path| {
                [false, true].into_iter().flat_map(move |preflight| {
                    tiers
                        .into_iter()
                        .map(move |tier| (method, host, path, preflight, tier))
                })
            })
        })
    })
}
