//! The `match` of a rule.

use crate::config::defaults;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::rule_document::MatchDocument;
use crate::rules::host::HostPattern;
use crate::rules::matcher::{ContextEntry, Matcher, Preflight};
use crate::rules::pattern::PathPattern;

/// Compiles a `match`. `None` matches every request.
pub fn matcher(key: &str, document: Option<&MatchDocument>, problems: &mut Problems) -> Matcher {
    let Some(document) = document else {
        return Matcher::default();
    };
    Matcher {
        hosts: compiled(key, "hosts", document.hosts.as_deref(), problems, |text| {
            HostPattern::parse(text).map_err(|_| "this is not a host".to_owned())
        }),
        methods: compiled(
            key,
            "methods",
            document.methods.as_deref(),
            problems,
            |text| {
                let is_token =
                    |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
                if !text.is_empty() && text.bytes().all(is_token) {
                    Ok(text.to_owned())
                } else {
                    Err("this is not a method".to_owned())
                }
            },
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
            Err(error) => problems.error(&path::item(&key, number), error, mend(name)),
        }
    }
    Some(compiled)
}

fn mend(name: &str) -> &'static str {
    match name {
        "hosts" => "write a host without a port, or `*.` and a name",
        "methods" => "write a method such as GET",
        _ => "write a path such as /deployments/*, or /public/**",
    }
}
