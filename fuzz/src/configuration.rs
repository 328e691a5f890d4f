//! Configuration texts: any text ends in a configuration that decides requests, or in problems that can be shown.

use accredit_core::config::problem::Problem;
use accredit_core::config::resolve::{Resolved, resolve};
use accredit_core::config::{document::ConfigDocument, load};
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};

use super::choices::Choices;
use super::minter::SigningKey;
use super::service;

/// The shipped examples.
pub const EXAMPLES: [&str; 33] = [
    include_str!("../../examples/bound-tokens.yaml"),
    include_str!("../../examples/claim-headers.yaml"),
    include_str!("../../examples/clients-without-audience.yaml"),
    include_str!("../../examples/computed-headers.yaml"),
    include_str!("../../examples/conditions.yaml"),
    include_str!("../../examples/discovery.yaml"),
    include_str!("../../examples/envoy-decides.yaml"),
    include_str!("../../examples/from-the-environment.yaml"),
    include_str!("../../examples/issuer-with-two-names.yaml"),
    include_str!("../../examples/key-server-with-credentials.yaml"),
    include_str!("../../examples/keys-from-a-file.yaml"),
    include_str!("../../examples/mutual-tls.yaml"),
    include_str!("../../examples/one-issuer.yaml"),
    include_str!("../../examples/other-algorithms.yaml"),
    include_str!("../../examples/private-certificate-authority.yaml"),
    include_str!("../../examples/probes.yaml"),
    include_str!("../../examples/public-paths.yaml"),
    include_str!("../../examples/quiet-refusals.yaml"),
    include_str!("../../examples/resource-metadata.yaml"),
    include_str!("../../examples/revoked.yaml"),
    include_str!("../../examples/roles-and-groups.yaml"),
    include_str!("../../examples/route-context.yaml"),
    include_str!("../../examples/scopes.yaml"),
    include_str!("../../examples/several-apis.yaml"),
    include_str!("../../examples/several-owners.yaml"),
    include_str!("../../examples/several-issuers.yaml"),
    include_str!("../../examples/slow-or-unsteady-issuer.yaml"),
    include_str!("../../examples/small-memory.yaml"),
    include_str!("../../examples/strict-tokens.yaml"),
    include_str!("../../examples/tenants.yaml"),
    include_str!("../../examples/token-elsewhere.yaml"),
    include_str!("../../examples/token-ends-at-the-edge.yaml"),
    include_str!("../../examples/unix-socket.yaml"),
];

/// Keys, values and YAML that are put into an example. Each is a line, or the value after a key.
const WORDS: &[&str] = &[
    "access: anonymous",
    "access: optional",
    "access: deny",
    "match: {}",
    "match:",
    "paths: [/**]",
    "paths: []",
    "paths:",
    "hosts: ['*.acme.example']",
    "methods: [get]",
    "methods: [GET]",
    "preflight: true",
    "context: { a: b }",
    "scopes: [a]",
    "any_scope: []",
    "audiences: any",
    "audiences: [any]",
    "issuers: []",
    "when: 'claims.sub == \"a\"'",
    "when: 'true'",
    "when: ''",
    "forward_token: false",
    "name: x",
    "ambiguous_paths: [parameters]",
    "accept_warnings: [audiences_any]",
    "token_sources: []",
    "- cookie: session",
    "- query: t",
    "- header: x-t",
    "strip_headers: [x-*]",
    "payload_header: x-p",
    "claim_headers: {}",
    "claim_headers: { x-a: [a, b] }",
    "unavailable: defer",
    "token_cache: 0",
    "max_token_size: 64KiB",
    "check_timeout: 0s",
    "check_timeout: 1h30m5ms",
    "drain: 99999999999999999999h",
    "listen: unix:/x",
    "listen: 0.0.0.0:70000",
    "admin_listen: '[::1]:1'",
    "jwks: { uri: 'http://x' }",
    "jwks: { inline: '{\"keys\":[]}' }",
    "algorithms: [none]",
    "algorithms: [ES256, ES256]",
    "clock_skew: -1s",
    "required_claims: [a.b]",
    "tls: { certificate: a }",
    "rules:",
    "- ",
    "null",
    "~",
    "true",
    "0",
    "-1",
    "1e999",
    ".inf",
    "''",
    "\"\\u0000\"",
    "${X}",
    "${X:-y}",
    "${",
    "&a",
    "*a",
    "<<: *a",
    "!!str",
    "!x",
    "---",
    "...",
    "%YAML 1.2",
    "? a",
    "[",
    "]",
    "{",
    "}",
    "|",
    ">-",
    "#",
    "\t",
    "\u{feff}",
    "\u{2028}",
    "expression_env: [HOME]",
];

const PATHS: [&str; 4] = ["/", "/healthz", "/a/../b", "*"];

/// Whether the text is a valid configuration. With 0 as the first byte the others are the text; otherwise they choose an
/// example and edits of its lines.
pub fn check(input: &[u8]) -> bool {
    match input.split_first() {
        Some((0, text)) => judge(&String::from_utf8_lossy(text)),
        _ => judge(&chosen(Choices::new(input))),
    }
}

/// A variable of the environment: some are set, and one begins like YAML.
fn variable(name: &str) -> Option<String> {
    match name {
        "X" => None,
        "LISTEN" => Some("127.0.0.1:1".to_owned()),
        "CLOCK_SKEW" => Some("30s".to_owned()),
        "HOME" => Some("{ a: [ \" ' # \n".to_owned()),
        _ => Some("https://variable.example".to_owned()),
    }
}

fn judge(text: &str) -> bool {
    // YAML also ends a line at a carriage return, and the end of the text is on a line after the last one.
    let lines = text.matches(['\n', '\r']).count() + 2;
    match load::read(text, &variable) {
        Err(problems) => {
            can_be_shown(&problems, lines);
            assert!(is_refused(&problems), "{text}");
            false
        }
        Ok((document, problems)) => match resolve(&document, problems) {
            Err(problems) => {
                can_be_shown(&problems, lines);
                assert!(is_refused(&problems), "{text}");
                false
            }
            Ok(resolved) => {
                can_be_shown(&resolved.warnings, lines);
                assert!(!is_refused(&resolved.warnings), "{text}");
                decides(&document, resolved, text);
                true
            }
        },
    }
}

/// Whether a problem is an error, and not a warning.
fn is_refused(problems: &[Problem]) -> bool {
    let mut shown = problems.iter().map(ToString::to_string);
    shown.any(|problem| !problem.starts_with("warning["))
}

/// Each problem is one line, and points to a line of the text.
fn can_be_shown(problems: &[Problem], lines: usize) {
    for problem in problems {
        let shown = problem.to_string();
        assert!(!problem.what.is_empty() && !problem.advice.is_empty());
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(
            problem.line.is_none_or(|line| (1..=lines).contains(&line)),
            "{shown:?} of {lines} lines"
        );
    }
}

/// The service of the settings answers requests: without a rule that permits it, none without a token is admitted.
fn decides(document: &ConfigDocument, resolved: Resolved, text: &str) {
    let Resolved { mut settings, .. } = resolved;
    let has_rules = document
        .rules
        .as_ref()
        .is_some_and(|rules| !rules.is_empty());
    let service = service::of_settings(&mut settings);
    let token = SigningKey(1).sign(
        r#"{"alg":"EdDSA","kid":"k"}"#,
        r#"{"iss":"https://acme.scalekit.dev","exp":253402300799}"#,
    );
    let authorization = format!("Bearer {token}");
    for path in PATHS {
        for headers in [&[][..], &[("authorization", authorization.as_bytes())]] {
            let request = Request {
                method: "GET",
                host: "api.acme.example",
                path,
                headers: Headers::new(headers.iter().copied(), Completeness::Complete),
                source_address: "10.0.0.1",
                source_principal: "",
                source_certificate: ClientCertificate::Absent,
                scheme: "https",
                context: Vec::new(),
                trace: None,
            };
            let Some(judged) = service::judge(&service, &request) else {
                continue;
            };
            let reason = judged.record.reason.as_str();
            assert_ne!(reason, "allowed", "no key of {text} signed this token");
            assert!(
                has_rules || reason != "anonymous",
                "no rule of {text} admits {path}"
            );
        }
    }
}

/// An example with edits of its lines and of its bytes.
fn chosen(mut choices: Choices<'_>) -> String {
    let mut lines: Vec<String> = choices.pick(&EXAMPLES).lines().map(str::to_owned).collect();
    for _ in 0..1 + choices.below(6) {
        let at = choices.below(lines.len());
        let indent = |line: &str| line.len() - line.trim_start().len();
        match choices.below(8) {
            0 => drop(lines.remove(at)),
            1 => {
                let word = choices.pick(WORDS);
                let line = format!("{}{word}", " ".repeat(indent(&lines[at])));
                lines.insert(at, line);
            }
            2 | 3 => {
                let key = lines[at]
                    .split_once(':')
                    .map_or(lines[at].as_str(), |(key, _)| key)
                    .to_owned();
                let word = choices.pick(WORDS);
                let value = word.split_once(": ").map_or(word, |(_, value)| value);
                lines[at] = format!("{key}: {value}");
            }
            4 => {
                let copy = lines[at].clone();
                lines.insert(at, copy);
            }
            5 => lines[at] = format!("{}{}", " ".repeat(choices.below(8)), lines[at].trim_start()),
            6 => {
                let other: Vec<&str> = choices.pick(&EXAMPLES).lines().collect();
                let from = choices.below(other.len());
                let until = (from + choices.below(6)).min(other.len());
                lines.splice(
                    at..at,
                    other[from..until].iter().map(|line| (*line).to_owned()),
                );
            }
            _ => {
                let mut line = std::mem::take(&mut lines[at]).into_bytes();
                choices.edit(&mut line, WORDS);
                lines[at] = String::from_utf8_lossy(&line).into_owned();
            }
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
    }
    lines.join("\n")
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = EXAMPLES
        .map(|example| [b"\0", example.as_bytes()].concat())
        .into();
    for choice in [1_u8, 3, 7, 29, 53, 85, 113, 170, 201, 251] {
        seeds.push((1..60_u8).map(|at| at.wrapping_mul(choice) | 1).collect());
    }
    for text in [
        "",
        "a: &a [*a]",
        "a: &a [b]\nb: [*a, *a]",
        "? [a]\n: b",
        "issuers: !!set {a}",
        "\u{feff}a: 1",
        "a: |\n  b\n c",
        "- a\nb: c",
        "%TAG ! tag:x\n---\na: !y b",
    ] {
        seeds.push([b"\0", text.as_bytes()].concat());
    }
    seeds
}
