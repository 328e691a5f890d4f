//! Values and keys of an AuthorizationPolicy as conditions.

use crate::import::addresses;
use crate::import::claims::{ClaimShape, ClaimTest};
use crate::import::envoy::matchers::{host, no_equivalent};
use crate::import::formula::{Atom, Formula};
use crate::import::members::Members;
use crate::import::paths::PathTest;
use crate::import::report::ImportReport;
use crate::import::text_test::{TextKind, TextTest};

/// What the conditions of one policy refer to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IstioScope<'a> {
    /// The namespace of the policy.
    pub(crate) namespace: &'a str,
    pub(crate) word_claims: &'a [String],
    /// Whether every token that is admitted has a subject, so that no rule has to ask for it.
    pub(crate) all_have_subjects: bool,
}

/// The parts of an identity between namespace and service account, as Istio permits them.
const BETWEEN: &str = "(.+/|)";

/// One of the values, and none of the negated ones. `condition` makes the condition for one value.
pub(crate) fn values(
    members: &Members<'_>,
    name: &str,
    negated: &str,
    condition: &dyn Fn(&str, &str) -> Formula,
) -> Formula {
    let any = |name: &str| {
        let values = members.texts(name).filter(|values| !values.is_empty())?;
        let at = members.at(name);
        Some(Formula::any(
            values.iter().map(|value| condition(&at, value)),
        ))
    };
    let positive = any(name).unwrap_or_else(Formula::always);
    let negative = any(negated).map_or_else(Formula::always, Formula::not);
    Formula::all([positive, negative])
}

pub(crate) fn path(value: &str, at: &str, report: &ImportReport) -> Formula {
    let is_template = value.contains('{') || value.contains('}');
    let test = match is_template {
        false => PathTest::Text(TextTest::with_stars(value)),
        true => {
            let literal = value.replace("{**}", "").replace("{*}", "");
            if literal.contains(['{', '}', '*']) {
                return no_equivalent(at, "this template of paths", report);
            }
            PathTest::Template(value.to_owned())
        }
    };
    Formula::Atom(Atom::Paths(vec![test]))
}

pub(crate) fn method(value: &str) -> Formula {
    match value {
        "*" => Formula::always(),
        _ => Formula::Atom(Atom::Methods(vec![TextTest::with_stars(value)])),
    }
}

pub(crate) fn host_value(value: &str, at: &str, report: &ImportReport) -> Formula {
    host(TextTest::with_stars(value), at, report)
}

pub(crate) fn address(value: &str, at: &str, report: &ImportReport) -> Formula {
    match addresses::range(value) {
        Some(range) => Formula::Atom(Atom::Addresses(vec![range])),
        None => no_equivalent(at, "this range of addresses", report),
    }
}

/// `ISSUER/SUBJECT`, where the last slash divides.
pub(crate) fn request_principal(value: &str, scope: IstioScope<'_>) -> Formula {
    let present = || TextTest::new(TextKind::Present);
    let (issuer, subject) = match (value, value.rsplit_once('/')) {
        ("*", _) => (present(), present()),
        (_, Some((issuer, subject))) if value.starts_with('*') => {
            let issuer = match issuer.strip_prefix('*') {
                None | Some("") => present(),
                Some(suffix) => TextTest::new(TextKind::Suffix(suffix.to_owned())),
            };
            (issuer, TextTest::exact(subject))
        }
        (_, Some((issuer, subject))) => {
            let subject = match subject.strip_suffix('*') {
                Some("") => present(),
                Some(prefix) => TextTest::new(TextKind::Prefix(prefix.to_owned())),
                None => TextTest::exact(subject),
            };
            (TextTest::exact(issuer), subject)
        }
        (_, None) => match (value.strip_prefix('*'), value.strip_suffix('*')) {
            (Some(suffix), _) => (
                present(),
                TextTest::new(TextKind::Suffix(suffix.to_owned())),
            ),
            (None, Some(prefix)) => (
                TextTest::new(TextKind::Prefix(prefix.to_owned())),
                present(),
            ),
            (None, None) => (TextTest::exact(value), TextTest::exact("")),
        },
    };
    let issuer = Formula::Atom(Atom::Issuers(vec![issuer]));
    if subject.kind == TextKind::Present && scope.all_have_subjects {
        return issuer;
    }
    // An exact subject is a value of `claims`; a subject is never a list in a token that is well formed.
    let shape = match subject.as_exact() {
        Some(_) => ClaimShape::Either,
        None => ClaimShape::Text,
    };
    let subject = Formula::Atom(Atom::Claim(ClaimTest::new(&["sub"], shape, vec![subject])));
    Formula::all([issuer, subject])
}

/// The identity of the peer, without `spiffe://`.
pub(crate) fn principal(value: &str) -> Formula {
    let test = match (value, value.strip_prefix('*'), value.strip_suffix('*')) {
        ("*", ..) => TextTest::new(TextKind::Present),
        (_, Some(suffix), _) => TextTest::new(TextKind::Suffix(suffix.to_owned())),
        (_, None, Some(prefix)) => TextTest::new(TextKind::Prefix(format!("spiffe://{prefix}"))),
        (_, None, None) => TextTest::exact(format!("spiffe://{value}")),
    };
    Formula::Atom(Atom::Principals(vec![test]))
}

pub(crate) fn namespace(value: &str, at: &str, report: &ImportReport) -> Formula {
    if !is_plain(value) {
        return no_equivalent(at, "this namespace", report);
    }
    let regex = format!(".*/ns/{}/.*", value.replace('*', ".*"));
    Formula::Atom(Atom::Principals(vec![TextTest::new(TextKind::Regex(
        regex,
    ))]))
}

pub(crate) fn service_account(
    value: &str,
    at: &str,
    scope: IstioScope<'_>,
    report: &ImportReport,
) -> Formula {
    let (namespace, account) = value.split_once('/').unwrap_or((scope.namespace, value));
    if !is_plain(namespace) || !is_plain(account) {
        return no_equivalent(at, "this service account", report);
    }
    let regex = format!("spiffe://.+/ns/{namespace}/{BETWEEN}sa/{account}(/.+)?");
    Formula::Atom(Atom::Principals(vec![TextTest::new(TextKind::Regex(
        regex,
    ))]))
}

/// The characters of names in Kubernetes, and a star. A dot would mean every character.
fn is_plain(name: &str) -> bool {
    name.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'*')
}

/// An element of `when`.
pub(crate) fn condition(members: Members<'_>, scope: IstioScope<'_>) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let key = members.text("key").unwrap_or_default();
    let names_one_claim =
        |name: &'static str| move |_: &str, value: &str| claim(&[name.to_owned()], value, scope);
    let bracketed = |prefix: &str| key.strip_prefix(prefix).and_then(in_brackets);
    let is_negative_only = !members.has("values") && members.has("notValues");
    let both = |condition: &dyn Fn(&str, &str) -> Formula| {
        values(&members, "values", "notValues", condition)
    };
    let found = match key.as_str() {
        "request.auth.principal" => both(&|_, value| request_principal(value, scope)),
        "request.auth.audiences" => both(&names_one_claim("aud")),
        "request.auth.presenter" => both(&names_one_claim("azp")),
        "source.ip" => both(&|at, value| address(value, at, report)),
        "source.principal" => both(&|_, value| principal(value)),
        "source.namespace" => both(&|at, value| namespace(value, at, report)),
        "source.serviceAccount" => both(&|at, value| service_account(value, at, scope, report)),
        _ => {
            if let Some(name) = bracketed("request.auth.claims") {
                warn_of_other_types(&members);
                both(&|_, value| claim(&name, value, scope))
            } else if let Some([name]) = bracketed("request.headers").as_deref() {
                let name = name.to_ascii_lowercase();
                both(&|_, value| {
                    let test = (value != "*").then(|| TextTest::with_stars(value));
                    Formula::Atom(Atom::ForwardedHeader(name.clone(), test))
                })
            } else {
                members.ignore(&["values", "notValues"]);
                no_equivalent(&at, &format!("the key {key}"), report)
            }
        }
    };
    if is_negative_only && key.starts_with("request.auth.") {
        report.left_out(
            &at,
            format_args!(
                "`notValues` of {key} without `values`: Istio also admits a request without a token here, and so does accredit"
            ),
            "add a condition that needs a token if that is not what you want",
        );
    }
    members.report_unread();
    found
}

/// In Istio a value is a text, so it never holds for a claim that is a number or a boolean.
fn warn_of_other_types(members: &Members<'_>) {
    let values = ["values", "notValues"].map(|name| members.texts(name).unwrap_or_default());
    for value in values.concat() {
        if value.parse::<f64>().is_ok() || value == "true" || value == "false" {
            members.report().note(format_args!(
                "{}: the value {value:?} is a text: it holds for no claim that is a number or a boolean, in Istio and in accredit; \
                 write it without quotes in `claims` if the claim is one",
                members.place()
            ));
        }
    }
}

/// The parts of `[a][b]`.
fn in_brackets(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let parts: Vec<String> = inner.split("][").map(str::to_owned).collect();
    let are_names = parts
        .iter()
        .all(|part| !part.is_empty() && !part.contains(['[', ']']));
    are_names.then_some(parts)
}

/// A value of a claim: the claim is this text, or a list with it.
fn claim(name: &[String], value: &str, scope: IstioScope<'_>) -> Formula {
    let test = TextTest::with_stars(value);
    let is_word_claim = matches!(name, [only] if scope.word_claims.contains(only));
    let parts: Vec<&str> = name.iter().map(String::as_str).collect();
    Formula::Atom(match (parts.as_slice(), is_word_claim) {
        (["scope"], true) => Atom::Scopes(vec![test]),
        (["iss"], _) => Atom::Issuers(vec![test]),
        (parts, true) => Atom::Claim(ClaimTest::new(parts, ClaimShape::Words, vec![test])),
        (parts, false) => Atom::Claim(ClaimTest::new(parts, ClaimShape::Either, vec![test])),
    })
}
