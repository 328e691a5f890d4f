//! The `match` of a rule.

use crate::config::defaults;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::rule_document::MatchDocument;
use crate::config::warning::WarningCode;
use crate::rules::host::HostPattern;
use crate::rules::matcher::{ContextEntry, Matcher, Preflight};
use crate::rules::pattern::PathPattern;

/// Compiles a `match`. `None` matches every request.
pub fn matcher(key: &str, document: Option<&MatchDocument>, problems: &mut Problems) -> Matcher {
    let Some(document) = document else {
        return Matcher::default();
    };
    warn_of_unregistered(key, document.methods.as_deref(), problems);
    warn_of_regex(key, document.paths.as_deref(), problems);
    Matcher {
        hosts: compiled(key, "hosts", document.hosts.as_deref(), problems, |text| {
            HostPattern::parse(text).map_err(|_| "this is not a host".to_owned())
        }),
        methods: compiled(
            key,
            "methods",
            document.methods.as_deref(),
            problems,
            method,
        ),
        paths: compiled(key, "paths", document.paths.as_deref(), problems, |text| {
            PathPattern::parse(text).map_err(|error| error.to_string())
        }),
        preflight: match document.preflight.unwrap_or(defaults::PREFLIGHT) {
            true => Preflight::Only,
            false => Preflight::Any,
        },
        context: document
            .context
            .iter()
            .flat_map(|entries| &entries.0)
            .map(|(name, values)| ContextEntry {
                name: name.clone(),
                values: values.as_slice().to_vec(),
            })
            .collect(),
    }
}

/// A method in upper case (CONTRACT 3.9.7).
fn method(text: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err("this is not a method".to_owned());
    }
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(
            "this method has a lower-case letter, and accredit refuses such requests".to_owned(),
        );
    }
    Ok(text.to_owned())
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

/// A list whose members are all bad becomes an empty list, which matches nothing: a condition with a mistake must not
/// match everything.
fn compiled<T>(
    key: &str,
    name: &str,
    listed: Option<&[String]>,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let key = path::member(key, name);
    let mut compiled = Vec::new();
    for (number, text) in listed?.iter().enumerate() {
        match parse(text) {
            Ok(pattern) => compiled.push(pattern),
            Err(error) => problems.error(&path::item(&key, number), error, advice(name)),
        }
    }
    Some(compiled)
}

fn advice(name: &str) -> &'static str {
    match name {
        "hosts" => "write a host without a port, or `*.` and a name",
        "methods" => "write a method such as GET",
        _ => "write a path such as /deployments/*, or /public/**",
    }
}
