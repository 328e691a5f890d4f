//! Values in another notation, and which problems and warnings are reported.

use super::{codes, issuer, problems, resolved};

#[test]
fn a_token_in_the_query_causes_a_warning_that_fits_forward_token() {
    let query = issuer("token_sources: [{ query: access_token }]\n");
    for (forwarding, expected, never) in [
        (
            "",
            "clients, proxies and upstreams",
            "clients and proxies log",
        ),
        (
            "forward_token: true\n",
            "set forward_token: false",
            "clients and proxies log",
        ),
        (
            "forward_token: false\n",
            "clients and proxies log",
            "forward_token",
        ),
    ] {
        let warning = problems(&format!("{forwarding}{query}"));
        assert!(warning.contains(expected), "{forwarding}{warning}");
        assert!(!warning.contains(never), "{forwarding}{warning}");
    }
}

/// CONTRACT 2.4.1
#[test]
fn a_problem_of_structure_hides_no_problem_of_a_value_and_causes_no_other() {
    let text = "listen: nowhere\nsurprise: 1\nrealm: 5\ntls: { certificate: 5, private_key: /k, client_names: [a] }\n\
                issuers:\n  - issuer: [https://a.example, https://b.example]\n    clock_skew: soon\n    jwks: { uri: 5 }\n\
                \x20   audiences: [any]\n  - audiences: [b]\n    algorithms: [HS256]\n    required_claims: [a..b]\n\
                rules:\n  - 7\n  - { issuers: [https://c.example], scopes: ['a b'] }\n  - { match: { paths: [a, 5] }, when: '1 +' }\n";
    let mut places: Vec<String> = problems(text)
        .lines()
        .map(|line| line.split(" (line").next().unwrap_or_default().to_owned())
        .collect();
    places.sort();
    let mut expected = [
        "listen",
        "surprise",
        "realm",
        "tls.certificate",
        "tls.client_names",
        "issuers[0].clock_skew",
        "issuers[0].jwks.uri",
        "issuers[0].audiences[0]",
        "issuers[1].issuer",
        "issuers[1].algorithms[0]",
        "issuers[1].required_claims[0]",
        "rules[0]",
        "rules[1].scopes[0]",
        "rules[2].match.paths[0]",
        "rules[2].match.paths[1]",
        "rules[2].when",
    ];
    expected.sort_unstable();
    assert_eq!(places, expected, "{}", problems(text));
}

/// CONTRACT 3.1.7, 3.1.8
#[test]
fn white_space_at_the_ends_of_exact_values_and_braces_in_issuers_are_errors() {
    for text in [
        "issuers: [{ issuer: ' https://a.example', audiences: [a] }]\n".to_owned(),
        "issuers: [{ issuer: \"https://a.example\\n\", audiences: [a] }]\n".to_owned(),
        "issuers: [{ issuer: https://a.example, audiences: ['a '] }]\n".to_owned(),
        issuer("    token_types: ['JWT ']\n"),
        issuer("    required_claims: ['sub ']\n"),
        issuer("    required_claims: [[' sub']]\n"),
        issuer("    claim_headers: { x-a: 'sub ' }\n"),
        issuer("    claim_headers: { 'x-a ': sub }\n"),
        issuer("payload_header: ' x-a'\n"),
        issuer("strip_headers: ['x-a ']\n"),
        issuer("log_claims: ['sub ']\n"),
        issuer("token_sources: [{ cookie: 'a ' }]\n"),
        issuer("token_sources: [{ query: ' a' }]\n"),
        issuer("token_sources: [{ header: 'a ' }]\n"),
        issuer("rules: [{ match: { hosts: ['a.example '] } }]\n"),
        issuer("rules: [{ audiences: [' a'] }]\n"),
        issuer("rules: [{ scopes: ['a '] }]\n"),
        issuer("rules: [{ any_scope: ['a '] }]\n"),
        issuer("rules: [{ issuers: ['https://a.example '] }]\n"),
        issuer("rules: [{ match: { context: { 'tier ': a } } }]\n"),
        issuer("rules: [{ match: { context: { tier: ' a' } } }]\n"),
        issuer("rules: [{ match: { context: { tier: [a, \"b\\t\"] } } }]\n"),
        issuer("rules: [{ match: { methods: ['GET '] } }]\n"),
        issuer("    claim_headers: { x-a: { claim: ' sub', as: json } }\n"),
        issuer("    scope_claims: [' scp']\n"),
        issuer("    audience_claims: ['aud ']\n"),
        issuer("admin_hosts: [' a.example']\n"),
        issuer("expression_env: ['A ']\n"),
        issuer("token_sources: [{ header: a, scheme: 'Bearer ' }]\n"),
        issuer("token_sources: [{ header: sec-websocket-protocol, protocol: ' bearer' }]\n"),
        issuer(
            "tls: { certificate: a, private_key: b, client_ca: c, client_names: ['a.example '] }\n",
        ),
        issuer(
            "tls: { certificate: a, private_key: b, client_ca: c, client_names: [' spiffe://a/b'] }\n",
        ),
        "issuers: [{ issuer: 'https://a.example/{tid}', audiences: [a], jwks: { file: /k } }]\n"
            .to_owned(),
    ] {
        assert!(resolved(&text).is_err(), "{text}");
    }
}

/// CONTRACT 3.9.6, 3.9.6a, 3.9.7
#[test]
fn methods_and_paths_in_another_notation_are_errors_or_warnings() {
    let rule = |condition: &str| {
        issuer(&format!(
            "rules: [{{ match: {{ {condition} }}, access: deny }}, {{ access: deny }}]\n"
        ))
    };
    for condition in [
        "methods: [get]",
        "methods: [GeT]",
        "paths: ['/a/{id}']",
        "paths: ['/a/[0-9]+']",
        "paths: ['^/a']",
        "paths: ['/a/.*']",
        "paths: ['/a/:id']",
        "paths: ['/a|/b']",
    ] {
        assert!(resolved(&rule(condition)).is_err(), "{condition}");
    }
    assert_eq!(codes(&rule("methods: [GTE]")), ["method_unregistered"]);
    for path in ["/acme.*/x", "/a/x.*", "/v.+1/**", "/**/.*y"] {
        let warnings = codes(&rule(&format!("paths: ['{path}']")));
        assert_eq!(warnings, ["path_looks_like_regex"], "{path}");
    }
    let usual = "methods: [GET, PROPFIND, QUERY], paths: [/a*, /*.js, /a.b/c+d]";
    assert_eq!(codes(&rule(usual)), [""; 0]);
}

/// CONTRACT 2.4.1: a bad value causes one problem, and hides none at other keys.
#[test]
fn a_bad_access_or_key_source_causes_no_problem_at_other_keys() {
    let access = problems(&issuer(
        "rules: [{ access: foo, scopes: [a, 'b c'], forward_token: false }]\n",
    ));
    let keys: Vec<_> = access
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let keys: Vec<_> = keys.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["rules[0].access", "rules[0].scopes[1]"], "{access}");
    let uri = problems(&issuer(
        "    jwks: { uri: 'ftp://a.example/keys' }\nrules: [{ issuers: ['https://a.example', 'https://b.example'] }]\n",
    ));
    let keys: Vec<_> = uri
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let keys: Vec<_> = keys.iter().map(|(key, _)| *key).collect();
    assert_eq!(
        keys,
        ["issuers[0].jwks.uri", "rules[0].issuers[1]"],
        "{uri}"
    );
}

/// CONTRACT 2.4.6
#[test]
fn accepted_warnings_are_silent_and_unknown_codes_are_errors() {
    let any = "issuers: [{ issuer: https://a.example, audiences: any, clock_skew: 1h }]\n";
    assert_eq!(codes(any), ["audiences_any", "clock_skew_large"]);
    assert_eq!(
        codes(&format!("{any}accept_warnings: [audiences_any]\n")),
        ["clock_skew_large"]
    );
    assert!(resolved(&format!("{any}accept_warnings: [audience_any]\n")).is_err());
}

/// CONTRACT 3.2.5, 3.11.3
#[test]
fn expressions_read_the_environment_by_name_only() {
    let rule = |when: &str| {
        issuer(&format!(
            "expression_env: [TIER]\nrules: [{{ when: {when} }}, {{ access: deny }}]\n"
        ))
    };
    assert!(resolved(&rule("'env.TIER == \"gold\"'")).is_ok());
    assert!(problems(&rule("'env.OTHER == \"gold\"'")).contains("OTHER"));
    assert!(
        problems(&rule("'claims.a == \"${TIER}\"'"))
            .contains("rules[0].when (line 5): `${...}` is not replaced")
    );
    assert!(resolved(&issuer("expression_env: [UNSET]\n")).is_err());
    assert!(resolved(&issuer("expression_env: ['A-B']\n")).is_err());
}
