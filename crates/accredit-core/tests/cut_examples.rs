//! A configuration that is cut off in the middle, as by a full disk, opens nothing (CONTRACT 3.1.5, 3.1.6).

use std::path::Path;

use accredit_core::config::{load, resolve};
use accredit_core::request::{Completeness, Headers, Request};
use accredit_core::rules::rule::Access;
use accredit_core::rules::table::RuleTable;

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

/// The rules of a text; `None` if it is refused.
fn rules(text: &str) -> Option<RuleTable> {
    let variable = |name: &str| {
        let value = match name {
            _ if name.contains("LISTEN") => "127.0.0.1:9191",
            "CLOCK_SKEW" => "30s",
            _ => "https://variable.example",
        };
        Some(value.to_owned())
    };
    let (document, problems) = load::read(text, &variable).ok()?;
    let settings = resolve::resolve(&document, problems).ok()?.settings;
    Some(RuleTable::new(settings.rules, settings.ambiguous_paths))
}

/// Whether each sample request could be admitted without a token.
fn open(rules: &RuleTable) -> Vec<bool> {
    let mut open = Vec::new();
    for (method, host, path, preflight, tier) in samples() {
        let headers: &[(&str, &[u8])] = if preflight { &PREFLIGHT } else { &[] };
        let request = Request {
            method,
            host,
            path,
            headers: Headers::new(headers.iter().copied(), Completeness::Complete),
            source_address: "",
            source_principal: "",
            context: tier.map(|tier| ("tier", tier)).into_iter().collect(),
        };
        open.push(rules.read(&request).is_ok_and(|facts| {
            let access = &rules.select(&facts).access;
            matches!(access, Access::Anonymous { .. } | Access::Optional(_))
        }));
    }
    open
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

#[test]
fn a_truncated_example_admits_no_more_without_a_token_than_the_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut accepted = 0;
    for entry in std::fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an example").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("is text");
        let whole = open(&rules(&text).unwrap_or_else(|| panic!("{} is valid", path.display())));
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let Some(cut) = rules(&text[..end]) else {
                continue;
            };
            accepted += 1;
            for ((sample, whole), cut) in samples().zip(&whole).zip(open(&cut)) {
                assert!(
                    *whole || !cut,
                    "{} cut at {end}: {sample:?}",
                    path.display()
                );
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
}
