//! Conditions as CEL expressions of `when`.
//!
//! An expression holds for no request for which the original condition does not hold.

use crate::import::claims::{any, group};
use crate::import::conjunctions::Demand;
use crate::import::formula::Atom;
use crate::import::paths::PathTest;
use crate::import::text_test::{TextKind, TextTest, quoted};

/// Holds if the request has a verified token: every verified token has an issuer.
pub(crate) const HAS_TOKEN: &str = "has(claims.iss)";

/// The condition, or its negation. `None` if CEL cannot have it.
pub(crate) fn demand(demand: &Demand) -> Option<String> {
    match (&demand.atom, demand.is_negated) {
        (Atom::Paths(paths), false) => any(paths.iter().map(PathTest::holds)),
        (Atom::Paths(paths), true) => Some(negated(&any(paths.iter().map(PathTest::may_hold))?)),
        (Atom::Header(name, test), true) => Some(negated(&header(
            name,
            test.as_ref(),
            TextTest::may_hold_for_a_value,
        )?)),
        (Atom::Hosts(tests), true) => Some(negated(&any(tests.iter().map(host_may_hold))?)),
        (atom, false) => positive(atom),
        (atom, true) => Some(negated(&positive(atom)?)),
    }
}

fn negated(expression: &str) -> String {
    format!("!({expression})")
}

/// An expression that holds whenever the test may hold for the host as sent. accredit has it without its port and without a dot at its end.
/// `None` if the test can concern the port.
fn host_may_hold(test: &TextTest) -> Option<String> {
    let cel = |kind| {
        let folded = TextTest {
            kind,
            ignores_case: true,
        };
        folded.cel("request.host")
    };
    match &test.kind {
        TextKind::Suffix(text) | TextKind::Contains(text)
            if text.contains(':') || text.bytes().all(|b| b.is_ascii_digit()) =>
        {
            None
        }
        TextKind::Exact(text) => cel(TextKind::Exact(text.trim_end_matches('.').to_owned())),
        TextKind::Prefix(text) if text.ends_with('.') => {
            let whole = TextKind::Exact(text.trim_end_matches('.').to_owned());
            any([cel(TextKind::Prefix(text.clone())), cel(whole)].into_iter())
        }
        TextKind::Suffix(text) | TextKind::Contains(text) if text.ends_with('.') => {
            let end = TextKind::Suffix(text.trim_end_matches('.').to_owned());
            any([cel(test.kind.clone()), cel(end)].into_iter())
        }
        kind => cel(kind.clone()),
    }
}

fn header(
    name: &str,
    test: Option<&TextTest>,
    value: fn(&TextTest, &str) -> Option<String>,
) -> Option<String> {
    let name = quoted(&name.to_ascii_lowercase())?;
    let present = format!("{name} in request.headers");
    match test {
        None => Some(present),
        Some(test) => {
            let value = value(test, &format!("request.headers[{name}]"))?;
            Some(format!("{present} && {value}"))
        }
    }
}

/// Except for paths, hosts and headers, the expression is as exact for the negation.
fn positive(atom: &Atom) -> Option<String> {
    let texts = |tests: &[TextTest], subject: &str| any(tests.iter().map(|test| test.cel(subject)));
    match atom {
        Atom::Paths(paths) => any(paths.iter().map(PathTest::holds)),
        Atom::Hosts(tests) => any(tests.iter().map(|test| {
            // accredit has the host in lower case.
            let folded = TextTest {
                ignores_case: true,
                ..test.clone()
            };
            folded.cel("request.host")
        })),
        Atom::Methods(tests) => texts(tests, "request.method"),
        Atom::Header(name, test) => header(name, test.as_ref(), TextTest::holds_for_a_value),
        Atom::ForwardedHeader(..) => None,
        Atom::Addresses(ranges) => {
            let within = any(ranges.iter().map(|range| {
                Some(format!(
                    "cidr({}).containsIP(source.address)",
                    quoted(range)?
                ))
            }))?;
            Some(format!("source.address != \"\" && {}", group(&within)))
        }
        Atom::Principals(tests) => {
            let test = texts(tests, "source.principal")?;
            Some(format!("source.principal != \"\" && {}", group(&test)))
        }
        Atom::Preflight => Some(
            "request.method == \"OPTIONS\" && \"origin\" in request.headers && \
             \"access-control-request-method\" in request.headers"
                .to_owned(),
        ),
        Atom::Context(name, value) => {
            let (name, value) = (quoted(name)?, quoted(value)?);
            Some(format!("{name} in context && context[{name}] == {value}"))
        }
        Atom::Token => Some(HAS_TOKEN.to_owned()),
        Atom::Issuers(tests) => {
            let test = texts(tests, "claims.iss")?;
            Some(format!("{HAS_TOKEN} && {}", group(&test)))
        }
        Atom::Audiences(tests) => {
            let test = texts(tests, "a")?;
            Some(format!("has(claims.aud) && claims.aud.exists(a, {test})"))
        }
        Atom::Scopes(tests) => Some(format!("scopes.exists(s, {})", texts(tests, "s")?)),
        Atom::Claim(test) => test.cel(),
        Atom::Expression(text) => Some(format!("{HAS_TOKEN} && ({text})")),
    }
}
