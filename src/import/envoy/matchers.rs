//! Envoy's matchers of texts, headers and routes.

use crate::import::formula::{Atom, Formula};
use crate::import::members::Members;
use crate::import::paths::PathTest;
use crate::import::report::ImportReport;
use crate::import::text_test::{TextKind, TextTest};

/// A member of a matcher, and the kind of test that it gives.
type NamedKind = (&'static str, fn(String) -> TextKind);

/// `envoy.type.matcher.v3.StringMatcher`. `None` if accredit has no such test.
pub(crate) fn string_matcher(members: Members<'_>) -> Option<TextTest> {
    let mut test = None;
    let kinds: [NamedKind; 4] = [
        ("exact", TextKind::Exact),
        ("prefix", TextKind::Prefix),
        ("suffix", TextKind::Suffix),
        ("contains", TextKind::Contains),
    ];
    for (name, kind) in kinds {
        test = test.or_else(|| members.text(name).map(kind));
    }
    if let Some(regex) = members.mapping("safe_regex") {
        test = test.or_else(|| self::regex(regex));
    }
    let ignores_case = members.flag("ignore_case").unwrap_or(false);
    let (at, report) = (members.place().to_owned(), members.report());
    members.report_unread();
    let kind = test.or_else(|| unknown(&at, "this matcher", report))?;
    let ignores_case = ignores_case && !matches!(kind, TextKind::Regex(_) | TextKind::Present);
    Some(TextTest { kind, ignores_case })
}

/// `envoy.type.matcher.v3.RegexMatcher`, which has to match the whole text.
fn regex(members: Members<'_>) -> Option<TextKind> {
    members.ignore(&["google_re2"]);
    let text = members.text("regex")?;
    members.report_unread();
    Some(match text.as_str() {
        ".+" => TextKind::Present,
        _ => TextKind::Regex(text),
    })
}

/// `envoy.config.route.v3.HeaderMatcher`
pub(crate) fn header_matcher(members: Members<'_>) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let Some(name) = members.text("name") else {
        return no_equivalent(&at, "this header matcher", report);
    };
    let is_inverted = members.flag("invert_match").unwrap_or(false);
    let reads_missing = members
        .flag("treat_missing_header_as_empty")
        .unwrap_or(false);
    let mut test = members.mapping("string_match").map(string_matcher);
    let kinds: [NamedKind; 4] = [
        ("exact_match", TextKind::Exact),
        ("prefix_match", TextKind::Prefix),
        ("suffix_match", TextKind::Suffix),
        ("contains_match", TextKind::Contains),
    ];
    for (member, kind) in kinds {
        test = test.or_else(|| {
            members
                .text(member)
                .map(|text| Some(TextTest::new(kind(text))))
        });
    }
    if let Some(matcher) = members.mapping("safe_regex_match") {
        test = test.or_else(|| Some(regex(matcher).map(TextTest::new)));
    }
    let present = members.flag("present_match");
    let has_range = members.has("range_match");
    members.report_unread();
    if has_range || reads_missing {
        return no_equivalent(&at, "this header matcher", report);
    }
    let matched = match test {
        // The report has the test that accredit cannot express.
        Some(None) => return Formula::Unknown,
        Some(Some(test)) => header(&name, Some(test), &at, report),
        None => match present {
            Some(false) => Formula::not(header(&name, None, &at, report)),
            _ => header(&name, None, &at, report),
        },
    };
    let has_value_test = present.is_none();
    match (is_inverted, has_value_test) {
        (false, _) => matched,
        (true, false) => Formula::not(matched),
        // Whether an inverted test matches a missing header differs between releases of Envoy.
        (true, true) => {
            report.note(format_args!(
                "{at}: whether an inverted test holds for a request without the header differs between releases of Envoy, so accredit denies a request if its admission depends on it"
            ));
            let is_there = header(&name, None, &at, report);
            Formula::any([
                Formula::all([is_there.clone(), Formula::not(matched)]),
                Formula::all([Formula::not(is_there), Formula::Unknown]),
            ])
        }
    }
}

/// A test of a header, or of the method, host or path in a pseudo-header.
fn header(name: &str, test: Option<TextTest>, at: &str, report: &ImportReport) -> Formula {
    match (name.to_ascii_lowercase().as_str(), test) {
        (":method" | ":authority" | "host" | ":path", None) => Formula::always(),
        (":method", Some(test)) => Formula::Atom(Atom::Methods(vec![test])),
        (":authority" | "host", Some(test)) => host(test, at, report),
        // `:path` contains the query string, which `paths` of a rule does not see.
        (":path", Some(test)) if matches!(&test.kind, TextKind::Prefix(prefix) if !prefix.contains('?')) => {
            Formula::Atom(Atom::Paths(vec![PathTest::Text(test)]))
        }
        (name, _) if name.starts_with(':') => {
            no_equivalent(at, "a test of this pseudo-header", report)
        }
        (_, test) => Formula::Atom(Atom::Header(name.to_owned(), test)),
    }
}

/// A test of the host. accredit compares hosts without the port, and without regard to case.
pub(crate) fn host(test: TextTest, at: &str, report: &ImportReport) -> Formula {
    let kind = match test.kind {
        TextKind::Exact(host) => TextKind::Exact(without_port(host, at, report)),
        TextKind::Suffix(host) => TextKind::Suffix(without_port(host, at, report)),
        TextKind::Present => return Formula::always(),
        TextKind::Prefix(host) if host.contains(':') => {
            return no_equivalent(at, "a prefix with a port", report);
        }
        kind @ (TextKind::Prefix(_) | TextKind::Contains(_)) => kind,
        TextKind::Regex(_) => return no_equivalent(at, "a regular expression for hosts", report),
    };
    let test = TextTest {
        kind,
        ignores_case: true,
    };
    Formula::Atom(Atom::Hosts(vec![test]))
}

fn without_port(host: String, at: &str, report: &ImportReport) -> String {
    match host.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit() || b == b'*') =>
        {
            report.left_out(
                at,
                format_args!("accredit compares hosts without the port, so {host} also means {name} with another port"),
                "let the listener of that port have an accredit of its own if ports differ in who is admitted",
            );
            name.to_owned()
        }
        _ => host,
    }
}

/// `envoy.config.route.v3.RouteMatch` of a rule of jwt_authn, which ignores `grpc`.
pub(crate) fn rule_match(members: Members<'_>) -> Formula {
    if members.has("grpc") {
        no_equivalent(
            &members.at("grpc"),
            "this condition, which jwt_authn does not read",
            members.report(),
        );
        return Formula::Unknown;
    }
    route_match(members)
}

/// `envoy.config.route.v3.RouteMatch`
pub(crate) fn route_match(members: Members<'_>) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let ignores_case = !members.flag("case_sensitive").unwrap_or(true);
    let text = |kind: TextKind| {
        PathTest::Text(TextTest {
            ignores_case: ignores_case && !matches!(kind, TextKind::Regex(_)),
            kind,
        })
    };
    let mut parts = Vec::new();
    let mut add = |path: PathTest| parts.push(Formula::Atom(Atom::Paths(vec![path])));
    if let Some(prefix) = members.text("prefix") {
        if prefix != "/" {
            add(text(TextKind::Prefix(prefix)));
        }
    } else if let Some(path) = members.text("path") {
        add(text(TextKind::Exact(path)));
    } else if let Some(matcher) = members.mapping("safe_regex") {
        match regex(matcher) {
            Some(kind) => add(text(kind)),
            None => parts.push(Formula::Unknown),
        }
    } else if let Some(path) = members.text("path_separated_prefix") {
        match ignores_case {
            false => add(PathTest::AtOrBelow(path)),
            true => parts.push(no_equivalent(
                &at,
                "a prefix without regard to case",
                report,
            )),
        }
    } else if members.has("connect_matcher") {
        parts.push(Formula::Atom(Atom::Methods(vec![TextTest::exact(
            "CONNECT",
        )])));
    } else if members.has("path_match_policy") {
        parts.push(no_equivalent(&at, "a template of paths", report));
    } else {
        parts.push(no_equivalent(&at, "a match without a path", report));
    }
    parts.extend(members.mappings("headers").into_iter().map(header_matcher));
    if members.has("grpc") {
        let of_type = |kind| {
            Formula::Atom(Atom::Header(
                "content-type".to_owned(),
                Some(TextTest::new(kind)),
            ))
        };
        parts.push(Formula::any([
            of_type(TextKind::Exact("application/grpc".to_owned())),
            of_type(TextKind::Prefix("application/grpc+".to_owned())),
        ]));
    }
    for name in [
        "query_parameters",
        "runtime_fraction",
        "tls_context",
        "dynamic_metadata",
        "filter_state",
    ] {
        if members.has(name) {
            parts.push(no_equivalent(&members.at(name), "this condition", report));
        }
    }
    // An unknown member can narrow the match.
    if members.has_unread() {
        parts.push(Formula::Unknown);
    }
    members.report_unread();
    Formula::all(parts)
}

/// Reports that accredit has no equivalent for a part of the original. The formula counts as not fulfilled, plainly and negated.
pub(crate) fn no_equivalent(at: &str, what: &str, report: &ImportReport) -> Formula {
    let _: Option<()> = unknown(at, what, report);
    Formula::Unknown
}

fn unknown<T>(at: &str, what: &str, report: &ImportReport) -> Option<T> {
    report.left_out(
        at,
        format_args!("accredit has no equivalent for {what}, so it denies the requests whose admission depends on it"),
        "write a rule for them by hand",
    );
    None
}
