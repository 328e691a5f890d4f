//! From the input to the configuration and the report.

use serde_json::Value;

use crate::import::conditions::PlannedAccess;
use crate::import::input::{ForeignDocument, ImportSource, documents};
use crate::import::policy::{ImportedPolicy, PolicyRoute, TokenPlaceKind};
use crate::import::region::RequestRegion;
use crate::import::report::ImportReport;
use crate::import::rules::{RulePlan, rules};
use crate::import::settle::{resolve_headers, settle};
use crate::import::verify::verify;
use crate::import::write::configuration;
use crate::import::{envoy, envoy_gateway, istio, kubernetes};

/// The result of a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Imported {
    pub(crate) configuration: String,
    /// The lines for standard error.
    pub(crate) lines: Vec<String>,
    /// Whether the configuration has everything of the original.
    pub(crate) completeness: ImportCompleteness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImportCompleteness {
    Whole,
    SomethingLeftOut,
}

/// Converts all sources together.
///
/// # Errors
/// One line each: why nothing could be read.
pub(crate) fn import(sources: &[ImportSource]) -> Result<Imported, Vec<String>> {
    let mut all = Vec::new();
    let mut unreadable = Vec::new();
    for source in sources {
        match documents(source) {
            Ok(found) => all.extend(found),
            Err(lines) => unreadable.extend(lines),
        }
    }
    if !unreadable.is_empty() {
        return Err(unreadable);
    }
    let report = ImportReport::default();
    all.iter()
        .for_each(|own| refuse_unreadable_names(own, &report));
    let Some(mut policy) = policy(&all, &report) else {
        let mut lines = report.into_lines();
        lines.push(NOTHING.to_owned());
        return Err(lines);
    };
    if policy.providers.is_empty() {
        let mut lines = report.into_lines();
        lines.push("no issuer is left that accredit can use; add one by hand, or import more of the original".to_owned());
        return Err(lines);
    }
    if report.has_unreadable() {
        policy.routes = vec![PolicyRoute::refused_everything()];
    }
    resolve_headers(&mut policy, &report);
    settle(&mut policy, &report);
    if policy.token_places.is_empty() {
        let mut lines = report.into_lines();
        lines.push("no place is left from which accredit could read a token; write `token_sources` and the rest by hand".to_owned());
        return Err(lines);
    }
    let plans = rules(&policy, &report);
    let reads_scopes = plans.iter().any(|plan| {
        let own = &plan.conditions;
        let in_expression = own
            .when
            .as_ref()
            .is_some_and(|when| when.contains("scopes"));
        !own.scopes.is_empty() || own.any_scope.is_some() || in_expression
    });
    if !reads_scopes {
        policy
            .providers
            .iter_mut()
            .for_each(|own| own.scope_claims = None);
    }
    always(&policy, &plans, &report);
    let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let text = configuration(&policy, &plans, &names);
    if let Err(problems) = verify(&text) {
        let fault = |problem| {
            format!(
                "accredit made a configuration that it does not accept; report this as a fault: {problem}"
            )
        };
        return Err(problems.into_iter().map(fault).collect());
    }
    let completeness = match report.has_left_out() {
        true => ImportCompleteness::SomethingLeftOut,
        false => ImportCompleteness::Whole,
    };
    Ok(Imported {
        configuration: text,
        lines: report.into_lines(),
        completeness,
    })
}

const NOTHING: &str = "no configuration that `import` reads was found; it reads Envoy's jwt_authn (also in a bootstrap, a listener or a \
    /config_dump), Istio's RequestAuthentication and AuthorizationPolicy, Envoy Gateway's SecurityPolicy, and Kubernetes' \
    AuthenticationConfiguration";

fn policy(documents: &[ForeignDocument], report: &ImportReport) -> Option<ImportedPolicy> {
    let readers = [
        kubernetes::policy,
        istio::reader::policy,
        envoy_gateway::reader::policy,
        envoy::reader::policy,
    ];
    let mut readers = readers.into_iter();
    let policy = readers.find_map(|reader| reader(documents, report))?;
    for reader in readers {
        // Its report is about a result that is not printed.
        if let Some(other) = reader(documents, &ImportReport::default()) {
            report.left_out(
                other.origin,
                format_args!(
                    "the input also has resources of {}, and a result is for one origin: it is that of {}",
                    other.origin, policy.origin
                ),
                "import them alone; if a request passes both, write the rules of both into one configuration by hand",
            );
        }
    }
    Some(policy)
}

/// Resources refer to each other by names and labels. One that is no text would refer to nothing, or to everything.
fn refuse_unreadable_names(document: &ForeignDocument, report: &ImportReport) {
    let check = |pointer: &str, value: &Value| {
        if !value.is_string() && !value.is_null() {
            report.unreadable(&format!("{}: {pointer}", document.at), "a text");
        }
    };
    let labels = "/spec/selector/matchLabels";
    for pointer in ["/metadata/name", "/metadata/namespace"] {
        let found = document.value.pointer(pointer);
        found.into_iter().for_each(|value| check(pointer, value));
    }
    match document.value.pointer(labels) {
        None | Some(Value::Null) => {}
        Some(Value::Object(own)) => own.values().for_each(|value| check(labels, value)),
        Some(_) => report.unreadable(&format!("{}: {labels}", document.at), "a mapping"),
    }
}

/// The differences that every result has.
fn always(policy: &ImportedPolicy, plans: &[RulePlan], report: &ImportReport) {
    let origin = policy.origin;
    report.note(format_args!(
        "accredit refuses tokens that {origin} admits: tokens without `exp`, with an `iat` ahead of the clock, bound to a key (`cnf`), \
         over 16 KiB, or with a `typ` other than JWT and at+jwt (see `token_types`); and a request with two different tokens"
    ));
    report.note(
        "accredit compares the scheme before a token, such as Bearer, without regard to case, and answers 401 or 403 with a body of JSON",
    );
    let has_cookie = policy
        .token_places
        .iter()
        .any(|place| matches!(place.kind, TokenPlaceKind::Cookie(_)));
    if has_cookie {
        report.note(format_args!(
            "accredit reads a cookie as a token only if it has three parts with dots between them; {origin} denies a request with any other text in that cookie, and accredit decides about it as about a request without a token"
        ));
    }
    let is_optional = |plan: &RulePlan| plan.conditions.access == PlannedAccess::Optional;
    if plans.iter().any(is_optional) {
        report.note(format_args!(
            "where a token is optional, accredit decides about a text that is no token of its source, such as one with another scheme or an empty one, as about a request without a token; {origin} can deny such a request"
        ));
    }
    let reads = |is_in_match: fn(&RequestRegion) -> bool, name: &str| {
        plans.iter().any(|plan| {
            is_in_match(&plan.region)
                || plan
                    .conditions
                    .when
                    .as_ref()
                    .is_some_and(|when| when.contains(name))
        })
    };
    if reads(|region| region.paths.is_some(), "request.path") {
        report.note(
            "accredit compares decoded paths and ignores one slash at the end, so a rule for /a also matches /a/ and /%61, and a condition on the text A9 does not hold for %A9; it denies ambiguous paths, such as those with //, %2F or ;",
        );
    }
    if reads(|region| region.hosts.is_some(), "request.host") {
        report.note(
            "accredit compares hosts without the port, without a dot at the end, and without regard to case, so a rule for a host matches the host with every port",
        );
    }
    if reads(|_| false, "request.headers[") {
        report.note(
            "if a client repeats a header, Envoy compares each value, and its releases without the fix for CVE-2026-26308 compare one text in which commas join the values; accredit receives that text only, and denies a request if the decision depends on where one value ends and the next begins",
        );
    }
    let is_of_envoy = origin != kubernetes::ORIGIN;
    if is_of_envoy && reads(|_| false, ".matches(") {
        report.note(
            "a regular expression reads a character outside ASCII as several bytes in Envoy, and as one character in accredit, so that the two can match different texts",
        );
    }
    if is_of_envoy {
        report.note(format_args!(
            "{origin} refuses a token whose `sub` or `jti` is no text, or whose `aud`, `iat` or `nbf` is null; accredit reads such a `sub` or `jti` as any other claim, and such a null as an absent claim"
        ));
    }
    let has_list_header = policy
        .providers
        .iter()
        .any(|provider| !provider.claim_headers.is_empty());
    if has_list_header {
        report.note("in a claim header, accredit joins the elements of a list with commas, writes a number as the token has it, leaves out a value that a header cannot carry, and removes what a client sent in that header");
    }
}
