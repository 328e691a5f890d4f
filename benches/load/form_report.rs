//! The tables of what each form adds to Envoy's own work.

use std::fmt::Write as _;

use crate::figures::median;

/// The CPU time of a request, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct RequestCost {
    pub(crate) envoy: f64,
    pub(crate) service: f64,
}

/// What was measured of one form, by round.
pub(crate) struct FormCosts {
    pub(crate) name: &'static str,
    /// The goal for what it adds with a known token.
    goal: &'static str,
    pub(crate) known: Vec<RequestCost>,
    pub(crate) first_sight: Vec<RequestCost>,
}

/// The places of the forms.
const ALONE: usize = 0;
const JWT_AUTHN: usize = 1;
const JWT_AUTHN_CACHE: usize = 2;
const EXT_AUTHZ: usize = 3;
const MODULE_NONE: usize = 4;
const MODULE_FLAT: usize = 5;
const MODULE_FULL: usize = 6;

impl FormCosts {
    pub(crate) fn new(name: &'static str, goal: &'static str) -> FormCosts {
        FormCosts {
            name,
            goal,
            known: Vec::new(),
            first_sight: Vec::new(),
        }
    }
}

/// The tables of the forms, which have the places above.
pub(crate) fn report(forms: &[FormCosts]) -> String {
    let mut report = String::from(
        "| known token | in Envoy, µs | in the service, µs | added over Envoy alone, µs | goal |\n| --- | --- | --- | --- | --- |\n",
    );
    for form in forms {
        row(
            &mut report,
            form.name,
            &form.known,
            &forms[ALONE].known,
            form.goal,
        );
    }
    report.push_str("\n| first sight of a token | in Envoy, µs | in the service, µs | added over Envoy alone, µs | goal |\n| --- | --- | --- | --- | --- |\n");
    for form in forms {
        row(
            &mut report,
            form.name,
            &form.first_sight,
            &forms[ALONE].first_sight,
            "",
        );
    }
    let known = |place: usize| added(&forms[place].known, &forms[ALONE].known);
    let first = |place: usize| added(&forms[place].first_sight, &forms[ALONE].first_sight);
    report.push_str("\n| added CPU, as a ratio | measured | goal |\n| --- | --- | --- |\n");
    for (name, own, other, goal) in [
        (
            "known token: module, `metadata_form: none` ÷ `jwt_authn` with its token cache",
            known(MODULE_NONE),
            known(JWT_AUTHN_CACHE),
            "1.6",
        ),
        (
            "known token: module, `metadata_form: flat` ÷ `ext_authz` and service",
            known(MODULE_FLAT),
            known(EXT_AUTHZ),
            "",
        ),
        (
            "known token: module, `metadata_form: full` ÷ `ext_authz` and service",
            known(MODULE_FULL),
            known(EXT_AUTHZ),
            "",
        ),
        (
            "first sight: module, `metadata_form: none` ÷ `jwt_authn`",
            first(MODULE_NONE),
            first(JWT_AUTHN),
            "1.00",
        ),
    ] {
        let ratios: Vec<f64> = own
            .iter()
            .zip(&other)
            .map(|(own, other)| own / other)
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(report, "| {name} | {:.2} | {goal} |", median(&ratios));
    }
    report
}

/// Medians of the rounds.
fn row(report: &mut String, name: &str, own: &[RequestCost], alone: &[RequestCost], goal: &str) {
    let of = |part: fn(&RequestCost) -> f64| median(&own.iter().map(part).collect::<Vec<_>>());
    let (envoy, service) = (of(|cost| cost.envoy), of(|cost| cost.service));
    let service = match service > 0.0 {
        true => format!("{service:.1}"),
        false => String::new(),
    };
    let added = median(&added(own, alone));
    // Writing to a String cannot fail.
    let _ = writeln!(
        report,
        "| {name} | {envoy:.1} | {service} | {added:.1} | {goal} |"
    );
}

/// What each round added to Envoy alone in the same round.
fn added(own: &[RequestCost], alone: &[RequestCost]) -> Vec<f64> {
    let rounds = own.iter().zip(alone);
    rounds
        .map(|(own, alone)| own.envoy + own.service - alone.envoy)
        .collect()
}
