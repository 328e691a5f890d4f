//! The `match` of a rule.

use crate::config::defaults;
use crate::config::one_or_many::OneOrMany;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::exact::exact;
use crate::config::rule_document::{MatchDocument, RulesFromDocument};
use crate::config::sentence::Sentence;
use crate::config::warning::WarningCode;
use crate::rules::host::HostPattern;
use crate::rules::matcher::{ContextEntry, Matcher, Preflight};
use crate::rules::pattern::PathPattern;
use crate::rules::pattern::error::PatternError;
use crate::rules::peer::{AddressRange, PrincipalPattern};

/// Compiles a `match`. `None` matches every request.
pub fn matcher(key: &str, document: Option<&MatchDocument>, problems: &mut Problems) -> Matcher {
    let Some(document) = document else {
        return Matcher::default();
    };
    warn_of_unregistered(key, document.methods.as_deref(), problems);
    warn_of_regex(key, document.paths.as_deref(), problems);
    Matcher {
        hosts: compiled(
            key,
            "hosts",
            document.hosts.as_deref(),
            problems,
            |_, text| HostPattern::parse(text).map_err(|_| "this is not a host".into()),
        ),
        methods: compiled(
            key,
            "methods",
            document.methods.as_deref(),
            problems,
            |_, text| method(text).map_err(Sentence::from),
        ),
        paths: compiled(key, "paths", document.paths.as_deref(), problems, pattern),
        preflight: match document.preflight.unwrap_or(defaults::PREFLIGHT) {
            true => Preflight::Only,
            false => Preflight::Any,
        },
        context: document
            .context
            .iter()
            .flat_map(|entries| &entries.0)
            .map(|(name, values)| {
                context_entry(&path::member(key, "context"), name, values, problems)
            })
            .collect(),
        principals: compiled(
            key,
            "principals",
            document.principals.as_deref(),
            problems,
            |_, text| {
                PrincipalPattern::parse(text).map_err(|error| Sentence::own(error.to_string()))
            },
        ),
        addresses: compiled(
            key,
            "addresses",
            document.addresses.as_deref(),
            problems,
            |_, text| AddressRange::parse(text).map_err(|error| Sentence::own(error.to_string())),
        ),
    }
}

/// The hosts and paths of an entry of `rules_from`.
pub(crate) fn bounds(key: &str, entry: &RulesFromDocument, problems: &mut Problems) -> Matcher {
    if entry.hosts.is_none() && entry.paths.is_none() && !problems.is_repaired(key) {
        problems.error(
            key,
            "this entry has neither hosts nor paths, so its files could decide about every request",
            "add the hosts or paths of these files; `paths: [/**]` permits every request",
        );
    }
    let document = MatchDocument {
        hosts: entry.hosts.clone(),
        paths: entry.paths.clone(),
        ..MatchDocument::default()
    };
    matcher(key, Some(&document), problems)
}

/// Warns of each host and path outside the bounds: the rule never applies there, although the author of the file may expect it.
pub(crate) fn warn_if_out_of_bounds(
    key: &str,
    matcher: &Matcher,
    bounds: &Matcher,
    problems: &mut Problems,
) {
    fn outside<T>(
        own: Option<&Vec<T>>,
        bounds: Option<&Vec<T>>,
        overlaps: impl Fn(&T, &T) -> bool,
    ) -> Vec<usize> {
        let (Some(own), Some(bounds)) = (own, bounds) else {
            return Vec::new();
        };
        let is_outside = |(_, own): &(usize, &T)| !bounds.iter().any(|bound| overlaps(own, bound));
        let outside = own.iter().enumerate().filter(is_outside);
        outside.map(|(number, _)| number).collect()
    }
    let hosts = outside(
        matcher.hosts.as_ref(),
        bounds.hosts.as_ref(),
        HostPattern::overlaps,
    );
    let paths = outside(
        matcher.paths.as_ref(),
        bounds.paths.as_ref(),
        PathPattern::overlaps,
    );
    for (name, numbers) in [("hosts", hosts), ("paths", paths)] {
        for number in numbers {
            problems.warn(
                WarningCode::RuleOutOfBounds,
                &path::item(&path::member(key, name), number),
                "this is outside the hosts and paths that rules_from permits the file, so that the rule never applies there",
                "write the whole host or path, within those of the entry of rules_from",
            );
        }
    }
}

/// Envoy's context extensions are compared character by character.
fn context_entry(
    key: &str,
    name: &str,
    values: &OneOrMany,
    problems: &mut Problems,
) -> ContextEntry {
    let key = path::member(key, name);
    if exact(&key, name, problems) {
        for (number, value) in values.as_slice().iter().enumerate() {
            let key = match values {
                OneOrMany::One(_) => key.clone(),
                OneOrMany::Many(_) => path::item(&key, number),
            };
            exact(&key, value, problems);
        }
    }
    ContextEntry {
        name: name.to_owned(),
        values: values.as_slice().to_vec(),
    }
}

/// A method in upper case (CONTRACT 3.9.7).
fn method(text: &str) -> Result<String, &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err("this is not a method");
    }
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err("this method has a lower-case letter, and accredit denies such requests");
    }
    Ok(text.to_owned())
}

/// A path pattern.
fn pattern(key: &str, text: &str) -> Result<PathPattern, Sentence> {
    PathPattern::parse(text).map_err(|error| match error {
        // The message quotes a segment of the pattern.
        PatternError::ForeignSyntax(_) => Sentence::own("").and_cause(key, &error),
        _ => Sentence::own(error.to_string()),
    })
}

fn warn_of_unregistered(key: &str, methods: Option<&[String]>, problems: &mut Problems) {
    let key = path::member(key, "methods");
    for (number, method) in methods.unwrap_or_default().iter().enumerate() {
        // A lower-case letter is an error already.
        if !METHODS.contains(&method.to_ascii_uppercase().as_str()) {
            problems.warn(
                WarningCode::MethodUnregistered,
                &path::item(&key, number),
                "this method is not in IANA's registry of HTTP methods",
                "check its spelling",
            );
        }
    }
}

/// IANA's HTTP Method Registry.
const METHODS: [&str; 41] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "*",
];

/// CONTRACT 3.9.6a. A whole segment `.*` or `.+` is an error of the pattern.
fn warn_of_regex(key: &str, paths: Option<&[String]>, problems: &mut Problems) {
    let key = path::member(key, "paths");
    for (number, text) in paths.unwrap_or_default().iter().enumerate() {
        let is_regex =
            |segment: &str| segment.len() > 2 && (segment.contains(".*") || segment.contains(".+"));
        if text.split('/').any(is_regex) {
            problems.warn(
                WarningCode::PathLooksLikeRegex,
                &path::item(&key, number),
                "`.*` and `.+` are no regular expressions here: `.` and `+` are literal, and `*` matches a part of a segment",
                "write `*` for any characters of a segment, or `**` for any number of segments",
            );
        }
    }
}

/// If all members of a list are bad, the result is an empty list, which matches nothing: a condition with a mistake
/// must not match every request.
fn compiled<T>(
    key: &str,
    name: &str,
    listed: Option<&[String]>,
    problems: &mut Problems,
    parse: impl Fn(&str, &str) -> Result<T, Sentence>,
) -> Option<Vec<T>> {
    let key = path::member(key, name);
    let mut compiled = Vec::new();
    for (number, text) in listed?.iter().enumerate() {
        let key = path::item(&key, number);
        match parse(&key, text) {
            Ok(pattern) => compiled.push(pattern),
            Err(what) => problems.error(&key, what, advice(name)),
        }
    }
    Some(compiled)
}

fn advice(name: &str) -> &'static str {
    match name {
        "hosts" => "write a host without a port, or `*.` and a name",
        "methods" => "write a method such as GET",
        "principals" => "write the whole principal, or its beginning and a final `*`",
        "addresses" => {
            "write the first address of a range and its prefix length, such as 10.0.0.0/8; a single address has /32 or /128"
        }
        _ => "write a path such as /deployments/*, or /public/**",
    }
}
