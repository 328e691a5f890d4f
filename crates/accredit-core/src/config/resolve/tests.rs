//! The meaning of values, and their mistakes.

use crate::authn::realm::WithoutKeysPolicy;
use crate::config::load;
use crate::config::problem::Severity;
use crate::config::resolve::{Resolved, resolve};

fn resolved(text: &str) -> Result<Resolved, Vec<String>> {
    let texts = |problems: Vec<crate::config::problem::Problem>| {
        problems.iter().map(ToString::to_string).collect()
    };
    let env = |name: &str| (name == "TIER").then(|| " gold ".to_owned());
    let (document, problems) = load::read(text, &env).map_err(texts)?;
    resolve(&document, problems).map_err(texts)
}

fn problems(text: &str) -> String {
    match resolved(text) {
        Ok(resolved) => resolved
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        Err(problems) => problems.join("\n"),
    }
}

/// One issuer with these further lines.
fn issuer(lines: &str) -> String {
    format!("issuers:\n  - issuer: https://a.example\n    audiences: [a]\n{lines}")
}

#[test]
fn defaults_are_those_of_the_contract() {
    let settings = resolved(&issuer("")).expect("is valid").settings;
    assert_eq!(settings.listen.to_string(), "0.0.0.0:9191");
    assert_eq!(settings.admin_listen.to_string(), "127.0.0.1:9192");
    assert!(settings.probe_listen.is_none());
    assert_eq!(settings.token_cache, 64 * 1024 * 1024);
    assert_eq!(settings.max_concurrent_checks, 1024);
    assert_eq!(settings.check_timeout.as_secs(), 1);
    assert_eq!(settings.startup_wait.as_secs(), 30);
    assert_eq!(settings.drain.as_secs(), 20);
    assert_eq!(settings.realm.to_string(), "api");
    assert_eq!(settings.unavailable, WithoutKeysPolicy::Refuse);
    assert_eq!(settings.state_dir, None);
    let entry = &settings.issuers[0];
    assert_eq!(entry.key_source.to_string(), "discovery");
    assert_eq!(entry.fetch.refresh.as_secs(), 300);
    assert_eq!(entry.fetch.max_stale.as_secs(), 86_400);
    assert_eq!(entry.fetch.timeout.as_secs(), 5);
    assert_eq!(entry.requirements.clock_skew.as_secs(), 30);
    assert_eq!(format!("{:?}", entry.requirements.algorithms), "{Rs256}");
    let headers: Vec<_> = entry
        .claim_headers
        .iter()
        .map(|header| {
            format!(
                "{}: {}",
                header.name,
                header.value.claim().expect("a claim").label()
            )
        })
        .collect();
    assert_eq!(
        headers,
        [
            "x-jwt-sub: sub",
            "x-jwt-client-id: client_id",
            "x-jwt-org: oid",
            "x-jwt-scope: scopes"
        ]
    );
}

#[test]
fn each_invalid_value_is_reported_with_its_location() {
    let cases: &[(String, &str)] = &[
        (
            format!("listen: nowhere\n{}", issuer("")),
            "listen (line 1)",
        ),
        (
            format!("listen: unix:relative\n{}", issuer("")),
            "listen (line 1)",
        ),
        (format!("realm: 'a\"b'\n{}", issuer("")), "realm (line 1)"),
        (
            format!("check_timeout: 0s\n{}", issuer("")),
            "check_timeout (line 1)",
        ),
        (
            format!("admin_hosts: ['a b']\n{}", issuer("")),
            "admin_hosts[0] (line 1)",
        ),
        (
            format!("payload_header: host\n{}", issuer("")),
            "payload_header (line 1)",
        ),
        (
            format!("payload_header: X_JWT_Sub\n{}", issuer("")),
            "can mistake this header for `x_jwt_sub`",
        ),
        (
            format!("strip_headers: ['*']\n{}", issuer("")),
            "strip_headers[0] (line 1)",
        ),
        (
            format!("strip_headers: [x-*, x-envoy-foo, cookie]\n{}", issuer("")),
            "strip_headers[2] (line 1)",
        ),
        (
            issuer("    jwks: { uri: 'http://a.example/k' }\n"),
            "issuers[0].jwks.uri (line 4)",
        ),
        (
            issuer("    jwks: { uri: keys }\n"),
            "issuers[0].jwks.uri (line 4)",
        ),
        (
            issuer("    jwks: { uri: 'https://a.example/k', file: /k }\n"),
            "issuers[0].jwks (line 4)",
        ),
        (
            issuer("    jwks: { inline: '{}' }\n"),
            "issuers[0].jwks.inline (line 4)",
        ),
        (
            issuer("    jwks: { refresh: 0s }\n"),
            "issuers[0].jwks.refresh (line 4)",
        ),
        (
            issuer("    required_claims: [a..b]\n"),
            "issuers[0].required_claims[0] (line 4)",
        ),
        (
            issuer("    claim_headers: { x-a: sub, X_A: oid }\n"),
            "can mistake this header for `x-a`",
        ),
        (
            issuer("    claim_headers: { content-type: sub }\n"),
            "issuers[0].claim_headers.content-type (line 4)",
        ),
        (
            issuer("    claim_headers: { x-a: .b }\n"),
            "issuers[0].claim_headers.x-a (line 4)",
        ),
        (
            "issuers:\n  - issuer: https://a.example\n    audiences: [a, any]\n".into(),
            "issuers[0].audiences[1] (line 3)",
        ),
        (
            "issuers:\n  - issuer: ''\n    audiences: [a]\n".into(),
            "issuers[0].issuer (line 2)",
        ),
        (
            "issuers:\n  - issuer: acme\n    audiences: [a]\n".into(),
            "issuers[0].issuer (line 2)",
        ),
        (
            "issuers:\n  - issuer: http://acme.example\n    audiences: [a]\n".into(),
            "issuers[0].issuer (line 2)",
        ),
        (
            "issuers:\n  - issuer: https://a.example/?tenant=1\n    audiences: [a]\n".into(),
            "issuers[0].issuer (line 2): discovery cannot find its keys: the issuer has a query",
        ),
        (
            "issuers:\n  - issuer: https://a.example/t?\n    audiences: [a]\n".into(),
            "set jwks.uri, jwks.file or jwks.inline",
        ),
        (
            "issuers:\n  - issuer: 'https://a.example/#1'\n    audiences: [a]\n    jwks: { refresh: 1m }\n".into(),
            "a fragment (RFC 8414 section 2)",
        ),
        (
            "issuers:\n  - issuer: [https://a.example, https://b.example]\n    audiences: [a]\n"
                .into(),
            "cannot use discovery",
        ),
        (
            format!(
                "{}  - issuer: https://a.example\n    audiences: [b]\n",
                issuer("")
            ),
            "this issuer is also at issuers[0].issuer",
        ),
        (
            issuer("    algorithms: [HS256]\n"),
            "issuers[0].algorithms[0] (line 4)",
        ),
        (issuer("    surprise: 1\n"), "issuers[0].surprise (line 4)"),
        (
            format!("state_dir: ''\n{}", issuer("")),
            "state_dir (line 1)",
        ),
        (
            format!("unavailable: allow\n{}", issuer("")),
            "unavailable (line 1)",
        ),
    ];
    for (text, expected) in cases {
        assert!(resolved(text).is_err(), "accepted:\n{text}");
        let problems = problems(text);
        assert!(
            problems.contains(expected),
            "expected {expected:?} for:\n{text}got:\n{problems}"
        );
    }
}

/// A key but for its closing brace.
const KEY: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

#[test]
fn dangerous_settings_cause_warnings() {
    let cases: &[(String, &str)] = &[
        (
            "issuers:\n  - issuer: https://a.example\n    audiences: any\n".into(),
            "issuers[0].audiences",
        ),
        (
            issuer("    jwks: { allow_http: true }\n"),
            "issuers[0].jwks.allow_http",
        ),
        (
            issuer("    jwks: { max_stale: 1m }\n"),
            "issuers[0].jwks.max_stale",
        ),
        (
            issuer("    jwks: { inline: '{\"keys\":[]}' }\n"),
            "issuers[0].jwks.inline",
        ),
        (
            issuer(&format!(
                "    jwks: {{ inline: '{{\"keys\":[{KEY}}},5]}}' }}\n"
            )),
            "issuers[0].jwks.inline",
        ),
        (
            issuer(&format!(
                "    jwks: {{ inline: '{{\"keys\":[{KEY},\"d\":\"eA\"}}]}}' }}\n"
            )),
            "issuers[0].jwks.inline",
        ),
        (issuer("    binding: ignore\n"), "issuers[0].binding"),
        (issuer("    clock_skew: 1h\n"), "issuers[0].clock_skew"),
        (
            format!("admin_listen: 0.0.0.0:9192\n{}", issuer("")),
            "admin_listen",
        ),
        (format!("unavailable: defer\n{}", issuer("")), "unavailable"),
    ];
    for (text, expected) in cases {
        let warnings = resolved(text).expect("is valid").warnings;
        assert!(
            warnings.iter().any(|warning| warning.path == *expected),
            "{text}"
        );
        assert!(
            warnings
                .iter()
                .all(|warning| matches!(warning.severity, Severity::Warning(_))),
            "{text}"
        );
    }
}

#[test]
fn invalid_rules_and_sources_are_reported_with_their_location() {
    let rule = |lines: &str| issuer(&format!("rules:\n  - {lines}\n"));
    let cases: &[(String, &str)] = &[
        (
            rule("match: { paths: [a] }"),
            "rules[0].match.paths[0] (line 5): a path pattern begins with `/`",
        ),
        (
            rule("match: { paths: [/a, '/b/**/c/**'] }"),
            "rules[0].match.paths[1] (line 5)",
        ),
        (
            rule("match: { paths: [/a%20b] }"),
            "rules[0].match.paths[0] (line 5)",
        ),
        (
            rule("match: { hosts: ['a:80'] }"),
            "rules[0].match.hosts[0] (line 5)",
        ),
        (
            format!(
                "token_sources: [{{ header: authorization, scheme: 'Bearer ' }}]\n{}",
                issuer("")
            ),
            "token_sources[0].scheme (line 1): this scheme begins or ends with white space",
        ),
        (
            "issuers:\n  - { issuer: http://a.example, audiences: [a] }\n".to_owned(),
            "use https, set jwks.allow_http to true, or set jwks.uri",
        ),
        (
            issuer("    claim_headers: { x-a: { expression: 'request.host' } }\n"),
            "issuers[0].claim_headers.x-a.expression (line 4): `request` is not a variable; the variables are claims",
        ),
        (
            issuer("    claim_headers: { x-a: { expression: '\"${TIER}\"' } }\n"),
            "issuers[0].claim_headers.x-a.expression (line 4): `${...}` is not replaced in an expression",
        ),
        (
            rule("{ scopes: [a], shadow: { until: 2027-02-30 } }"),
            "rules[0].shadow.until (line 5): this is no day",
        ),
        (
            rule("{ scopes: [a], shadow: { until: 2027-1-31 } }"),
            "rules[0].shadow.until (line 5): this is no day",
        ),
        (
            rule("{ access: deny, shadow: { until: 2027-01-31 } }"),
            "rules[0].shadow (line 5): this key has no effect",
        ),
        (
            format!("metadata: {{ decision: 'true' }}\n{}", issuer("")),
            "metadata.decision (line 1): accredit itself sets this field",
        ),
        (
            format!("metadata: {{ a: 'issuer' }}\n{}", issuer("")),
            "metadata.a (line 1): `issuer` is not a variable",
        ),
        (
            format!("metadata: {{ a: '\"${{TIER}}\"' }}\n{}", issuer("")),
            "metadata.a (line 1): `${...}` is not replaced in an expression",
        ),
        (
            format!("metadata: {{}}\n{}", issuer("")),
            "metadata (line 1): this mapping is empty",
        ),
        (
            rule("match: { methods: ['G T'] }"),
            "rules[0].match.methods[0] (line 5)",
        ),
        (
            rule("match: { paths: [] }"),
            "rules[0].match.paths (line 5)",
        ),
        (rule("match: { path: /a }"), "did you mean `paths`"),
        (rule("access: sometimes"), "rules[0].access (line 5)"),
        (
            rule("issuers: [https://b.example]"),
            "rules[0].issuers[0] (line 5): this issuer is not configured",
        ),
        (rule("scopes: ['a b']"), "rules[0].scopes[0] (line 5)"),
        (rule("scopes: ['a\"b']"), "rules[0].scopes[0] (line 5)"),
        (rule("any_scope: ['']"), "rules[0].any_scope[0] (line 5)"),
        (
            rule("when: 'claim.a == 1'"),
            "rules[0].when (line 5): `claim` is not a variable",
        ),
        (
            rule("when: { expression: '1 +', message: m }"),
            "rules[0].when.expression (line 5): not a CEL expression",
        ),
        (rule("when: { message: m }"), "rules[0].when"),
        (
            rule("{ access: anonymous, scopes: [a] }"),
            "rules[0].scopes (line 5)",
        ),
        (
            rule("{ access: anonymous, audiences: [a] }"),
            "rules[0].audiences (line 5)",
        ),
        (
            rule("{ access: deny, any_scope: [a] }"),
            "rules[0].any_scope (line 5)",
        ),
        (
            rule("{ access: deny, issuers: [https://a.example] }"),
            "rules[0].issuers (line 5)",
        ),
        (
            rule("{ access: deny, when: 'true' }"),
            "rules[0].when (line 5)",
        ),
        (
            rule("{ access: deny, forward_token: false }"),
            "rules[0].forward_token (line 5)",
        ),
        (
            rule("{ name: a }\n  - { name: a }"),
            "rules[1].name (line 6): this name is also at rules[0].name",
        ),
        (issuer("token_sources: []\n"), "token_sources (line 4)"),
        (
            issuer("token_sources: [{ header: a, cookie: b }]\n"),
            "token_sources[0] (line 4)",
        ),
        (
            issuer("token_sources: [{ header: Sec-WebSocket-Protocol }]\n"),
            "token_sources[0] (line 4)",
        ),
        (
            issuer("token_sources: [{ header: authorization, protocol: bearer }]\n"),
            "token_sources[0] (line 4)",
        ),
        (
            issuer("token_sources: [{ cookie: a, scheme: b }]\n"),
            "token_sources[0] (line 4)",
        ),
        (issuer("token_sources: [{}]\n"), "token_sources[0] (line 4)"),
        (
            issuer("token_sources: [{ header: host }]\n"),
            "token_sources[0].header (line 4)",
        ),
        (
            issuer("token_sources: [{ header: 'a b' }]\n"),
            "token_sources[0].header (line 4)",
        ),
        (
            issuer("token_sources: [{ header: x-a }, { header: X-A }]\n"),
            "token_sources[1] (line 4): this source is already in the list",
        ),
        (
            issuer("token_sources: [{ header: x_jwt_sub }]\n"),
            "issuers[0].claim_headers",
        ),
        (
            issuer("token_sources: [{ header: x-token }]\npayload_header: x_token\n"),
            "payload_header (line 5)",
        ),
        (
            issuer("token_sources: [{ header: x-token }]\nstrip_headers: ['x-to*']\n"),
            "strip_headers (line 5)",
        ),
        (
            issuer("ambiguous_paths: [all]\n"),
            "ambiguous_paths[0] (line 4)",
        ),
    ];
    for (text, expected) in cases {
        assert!(resolved(text).is_err(), "accepted:\n{text}");
        let problems = problems(text);
        assert!(
            problems.contains(expected),
            "expected {expected:?} for:\n{text}got:\n{problems}"
        );
    }
}

#[test]
fn unreachable_and_evadable_rules_cause_warnings() {
    let rules = |lines: &str| issuer(&format!("rules:\n{lines}"));
    let cases: &[(String, &str)] = &[
        (
            rules(
                "  - { match: { paths: [/a/**] }, access: anonymous }\n  - { match: { paths: [/a/b] } }\n",
            ),
            "rules[1]",
        ),
        (
            rules("  - { access: optional }\n  - { match: { methods: [GET] } }\n"),
            "rules[1]",
        ),
        (
            rules("  - { match: { paths: [/a] }, scopes: [a] }\n"),
            "rules[0]",
        ),
        (
            issuer(
                "forward_token: false\nrules: [{ match: { paths: [/a] }, access: anonymous }]\n",
            ),
            "rules[0]",
        ),
        (issuer("ambiguous_paths: [parameters]\n"), "ambiguous_paths"),
        (
            issuer("token_sources: [{ query: access_token }]\n"),
            "token_sources[0].query",
        ),
    ];
    for (text, expected) in cases {
        let warnings = resolved(text).expect("is valid").warnings;
        assert!(
            warnings.iter().any(|warning| warning.path == *expected),
            "{text}{warnings:?}"
        );
    }
    let closed = rules(
        "  - { match: { paths: [/a] }, scopes: [a] }\n  - { match: { paths: [/b] } }\n  - { access: deny }\n",
    );
    let warnings = resolved(&closed).expect("is valid").warnings;
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn a_token_in_the_query_causes_a_warning_that_fits_forward_token() {
    let query = issuer("token_sources: [{ query: access_token }]\n");
    for (forwarding, says, never) in [
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
        assert!(warning.contains(says), "{forwarding}{warning}");
        assert!(!warning.contains(never), "{forwarding}{warning}");
    }
}

#[test]
fn the_rules_of_the_contracts_example_are_valid() {
    let text = r#"
issuers:
  - issuer: https://acme.scalekit.dev
    jwks: { uri: https://acme.scalekit.dev/keys }
    audiences: [api.acme.example]
token_sources:
  - { header: authorization, scheme: Bearer }
  - { header: x-api-token }
  - { cookie: session }
  - { query: access_token }
rules:
  - name: preflight
    match: { preflight: true }
    access: anonymous
  - name: health
    match: { methods: [GET], paths: [/healthz, /public/**] }
    access: anonymous
  - name: catalogue
    match: { paths: [/catalogue/**] }
    access: optional
  - name: deployments
    match: { hosts: [api.acme.example], methods: [POST], paths: [/deployments/*] }
    access: token
    issuers: [https://acme.scalekit.dev]
    audiences: [deploy.acme.example]
    scopes: [deploy:applications]
    any_scope: [ops, admin]
    when: 'claims.custom_claims.environment == "production_us"'
    forward_token: false
  - name: internal
    match: { context: { tier: internal } }
    access: deny
"#;
    let settings = resolved(text).expect("is valid").settings;
    assert_eq!(settings.rules.len(), 5);
    assert_eq!(settings.token_sources.len(), 4);
}

#[test]
fn an_issuer_with_configured_keys_can_be_any_text() {
    for jwks in ["{ uri: https://a.example/k }", "{ file: /k }"] {
        for name in ["https://a.example/?tenant=1", "https://a.example/#1", "a?b"] {
            let text =
                format!("issuers:\n  - issuer: '{name}'\n    audiences: [a]\n    jwks: {jwks}\n");
            let settings = resolved(&text).expect("is valid").settings;
            assert_eq!(&*settings.issuers[0].names[0], name);
        }
    }
}

#[test]
fn an_empty_tls_is_off_and_an_incomplete_one_is_an_error() {
    let settings = resolved(&issuer("tls: {}\nadmin_tls: {}\n"))
        .unwrap()
        .settings;
    assert_eq!((settings.tls, settings.admin_tls), (None, None));
    let whole = "tls: { certificate: /c, private_key: /k, client_ca: /a, client_names: ['spiffe://a/b', Edge.Example] }\n";
    let tls = resolved(&issuer(whole)).unwrap().settings.tls.unwrap();
    assert_eq!(tls.certificate.to_str(), Some("/c"));
    assert_eq!(tls.private_key.to_str(), Some("/k"));
    assert_eq!(tls.client_ca.unwrap().to_str(), Some("/a"));
    let names: Vec<_> = tls.client_names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["spiffe://a/b", "edge.example"]);
    for (lines, said) in [
        (
            "tls: { certificate: /c }\n",
            "tls (line 4): TLS needs both `certificate` and `private_key`; write the paths of both PEM files, or leave the mapping empty for no TLS",
        ),
        (
            "admin_tls: { client_ca: /a }\n",
            "admin_tls (line 4): TLS needs both `certificate` and `private_key`; write the paths of both PEM files, or leave the mapping empty for no TLS",
        ),
        (
            "tls: { certificate: /c, private_key: /k, client_names: [a] }\n",
            "tls.client_names (line 4): client_names has no effect without client_ca; set client_ca",
        ),
        (
            "tls: { certificate: /c, private_key: /k, client_ca: /a, client_names: ['*.a'] }\n",
            "tls.client_names[0] (line 4): this is neither a URI, such as spiffe://domain/path, nor a DNS name; write the name as the client's certificate has it, without a wildcard",
        ),
    ] {
        assert_eq!(problems(&issuer(lines)), said);
    }
    // No client could connect.
    let no_client = "tls: { certificate: /c, private_key: /k, client_ca: /a, client_names: [] }\n";
    assert!(resolved(&issuer(no_client)).is_err());
}

#[test]
fn an_open_admin_port_causes_a_warning_unless_it_requires_client_certificates() {
    let open = "admin_listen: 0.0.0.0:9192\n";
    let tls = "admin_tls: { certificate: /c, private_key: /k }\n";
    let mutual = "admin_tls: { certificate: /c, private_key: /k, client_ca: /a }\n";
    for (lines, warned) in [
        (String::new(), true),
        (tls.to_owned(), true),
        (mutual.to_owned(), false),
    ] {
        let result = problems(&issuer(&format!("{open}{lines}")));
        assert_eq!(
            result.contains("every client that can connect to this address"),
            warned,
            "{result}"
        );
    }
}

#[test]
fn the_defaults_of_the_schema_are_the_defaults_of_the_service() {
    let schema = crate::config::schema::schema();
    let defaults = |part: &serde_json::Value| {
        let properties = part["properties"].as_object().expect("properties").clone();
        let with_default = properties
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.get("default")?.clone())));
        with_default.collect::<serde_json::Map<_, _>>()
    };
    let mut document = defaults(schema);
    let mut entry = defaults(&schema["$defs"]["Issuer"]);
    entry.insert("issuer".to_owned(), "https://a.example".into());
    entry.insert("audiences".to_owned(), serde_json::json!(["a"]));
    entry.insert("jwks".to_owned(), defaults(&schema["$defs"]["Jwks"]).into());
    document.insert("issuers".to_owned(), serde_json::json!([entry]));
    assert!(document.len() > 12, "{document:?}");
    // JSON is YAML.
    let mut spelled_out =
        resolved(&serde_json::Value::from(document).to_string()).expect("is valid");
    let left_out = resolved(&issuer("")).expect("is valid");
    // The configuration's short name is of its text.
    spelled_out.settings.config = left_out.settings.config.clone();
    let sorted = |resolved: &Resolved| {
        // The claim headers' order is that of the text.
        let settings = format!("{:?}", resolved.settings);
        let mut words: Vec<String> = settings.split([' ', ',']).map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(sorted(&spelled_out), sorted(&left_out));
}

fn codes(text: &str) -> Vec<String> {
    let warnings = resolved(text).expect("is valid").warnings;
    warnings
        .iter()
        .filter_map(|warning| match warning.severity {
            Severity::Warning(code) => Some(code.to_string()),
            Severity::Error => None,
        })
        .collect()
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

/// CONTRACT 3.5.9
#[test]
fn a_rule_that_admits_everything_without_a_token_causes_a_warning() {
    for rule in [
        "access: anonymous",
        "access: optional",
        "match: { paths: [/**] }, access: anonymous",
        "match: { preflight: false }, access: optional",
    ] {
        let text = issuer(&format!("rules: [{{ {rule} }}]\n"));
        assert_eq!(codes(&text), ["rule_open"], "{rule}");
    }
    let closed = "rules: [{ match: { paths: [/a] }, access: anonymous }]\n";
    assert_eq!(codes(&issuer(closed)), [""; 0]);
}

/// CONTRACT 3.10.7: what the advice asks for causes no further warning.
#[test]
fn the_advice_about_the_order_of_rules_does_not_contradict_itself() {
    let strict = "{ match: { paths: [/a] }, scopes: [a], any_scope: [b] }";
    for (last, expected) in [
        ("", &["rule_evadable"][..]),
        (", { access: token }", &["rule_evadable"]),
        (", { scopes: [a] }", &["rule_evadable"]),
        (", { scopes: [a], any_scope: [b, c] }", &["rule_evadable"]),
        (", { scopes: [c, a], any_scope: [b] }", &[]),
        (", { access: deny }", &[]),
        (", { access: deny }, { scopes: [x] }", &["rule_unreachable"]),
    ] {
        let text = issuer(&format!("rules: [{strict}{last}]\n"));
        assert_eq!(codes(&text), expected, "{last}");
    }
}

/// CONTRACT 3.10.7
#[test]
fn each_rule_that_is_stricter_than_the_default_rule_causes_a_warning() {
    let rules = "rules: [{ match: { paths: [/a] }, access: deny }, { match: { paths: [/b] } }, { match: { paths: [/c] }, scopes: [c] }]\n";
    let warnings = problems(&issuer(rules));
    let keys: Vec<&str> = warnings
        .lines()
        .filter_map(|line| line.strip_prefix("warning[rule_evadable]: "))
        .filter_map(|line| line.split_once(' ').map(|(key, _)| key))
        .collect();
    assert_eq!(keys, ["rules[0]", "rules[2]"], "{warnings}");
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

/// CONTRACT 5.7.2b
#[test]
fn an_inline_key_that_is_set_aside_is_named_and_one_for_encryption_causes_no_warning() {
    let keys = |usage: &str| {
        let key = format!(r#"{{"kty":"EC","crv":"P-256","x":"11","kid":"k1","use":"{usage}"}}"#);
        // The example of RFC 7517 appendix A.1.
        let usable = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
        issuer(&format!(
            "    jwks: {{ inline: '{{\"keys\":[{key},{usable}]}}' }}\n"
        ))
    };
    let aside = problems(&keys("sig"));
    assert!(aside.contains("the key `k1` of this set"), "{aside}");
    assert!(codes(&keys("enc")).is_empty());
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

/// CONTRACT 3.1.6, 3.1.7, 3.7.7
#[test]
fn mistakes_in_claims_are_reported_with_their_location() {
    let cases = [
        ("{}", "claims (line 4): this mapping is empty"),
        ("[]", "claims (line 4): this list is empty"),
        ("{ a: [] }", "claims.a (line 4): this list is empty"),
        ("{ a: }", "claims.a (line 4): there is no value here"),
        (
            "{ a: [x, null] }",
            "claims.a[1] (line 4): there is no value here",
        ),
        (
            "{ a: ' x' }",
            "claims.a (line 4): this value begins or ends with white space",
        ),
        (
            "{ a: [x, 'y '] }",
            "claims.a[1] (line 4): this value begins or ends with white space",
        ),
        ("{ a..b: x }", "this claim name has an empty part"),
        ("{ a: { b: x } }", "claims.a (line 4): this is a mapping"),
        ("{ a: [[x]] }", "claims.a[0] (line 4): this is a list"),
        ("x", "claims (line 4): this is a string"),
        (
            "{ a: 9223372036854775808 }",
            "claims.a (line 4): this number cannot be compared exactly",
        ),
        (
            "{ a: [1e300] }",
            "claims.a[0] (line 4): this number cannot be compared exactly",
        ),
        (
            "{ a: .inf }",
            "claims.a (line 4): this number cannot be compared exactly",
        ),
        (
            "[{ claim: a }]",
            "claims[0].any_of (line 4): this key is missing",
        ),
        (
            "[{ any_of: [a] }]",
            "claims[0].claim (line 4): this key is missing",
        ),
        (
            "[{ claim: a, any_of: [] }]",
            "claims[0].any_of (line 4): this list is empty",
        ),
        (
            "[{ claim: a, any_of: [b], x: 1 }]",
            "claims[0].x (line 4): unknown key",
        ),
        (
            "[{ claim: [' a'], any_of: [b] }]",
            "claims[0].claim (line 4): this value begins or ends",
        ),
    ];
    for (claims, expected) in cases {
        let entry = problems(&issuer(&format!("    claims: {claims}\n")));
        assert!(entry.contains(expected), "{claims}: {entry}");
        let rule = format!("rules:\n  - {{ claims: {claims} }}\n");
        let rule = problems(&issuer(&rule));
        assert!(
            rule.contains(&expected.replace("line 4", "line 5")),
            "{claims}: {rule}"
        );
    }
    for access in ["anonymous", "deny"] {
        let rule = format!(
            "rules:\n  - {{ match: {{ paths: [/a] }}, access: {access}, claims: {{ a: b }} }}\n"
        );
        let found = problems(&issuer(&rule));
        assert!(
            found.contains("rules[0].claims (line 5): this key has no effect"),
            "{found}"
        );
    }
}

#[test]
fn values_of_claims_keep_their_type() {
    use crate::token::claim_demand::ClaimValue;
    use crate::token::decimal::Decimal;

    let lines = "    claims: { a: ['1', 1, 1.0, true, 'true', '${TIER}', 9223372036854775807, -0.5], b.c: x }\n";
    let resolved = resolved(&issuer(lines)).expect("is valid");
    let demands = &resolved.settings.issuers[0].requirements.claims;
    let number = |text: &str| ClaimValue::Number(Decimal::parse(text).expect("is a number"));
    let text = |text: &str| ClaimValue::Text(text.to_owned());
    assert_eq!(
        demands[0].any_of,
        [
            text("1"),
            number("1"),
            number("1"),
            ClaimValue::Truth(true),
            text("true"),
            text("gold"),
            number("9223372036854775807"),
            number("-0.5"),
        ]
    );
    assert_eq!(demands[1].name.parts(), ["b", "c"]);
}

#[test]
fn mistakes_in_principals_and_addresses_are_reported_with_their_location() {
    for (matches, expected) in [
        (
            "principals: []",
            "match.principals (line 5): this list is empty",
        ),
        (
            "principals: ['']",
            "match.principals[0] (line 5): this principal is empty",
        ),
        (
            "principals: [a, 'b ']",
            "match.principals[1] (line 5): this principal begins or ends",
        ),
        (
            "principals: ['*/a']",
            "match.principals[0] (line 5): this principal has a `*`",
        ),
        (
            "addresses: []",
            "match.addresses (line 5): this list is empty",
        ),
        (
            "addresses: [10.0.0.0]",
            "match.addresses[0] (line 5): this is not an address range",
        ),
        (
            "addresses: [10.0.0.1/8]",
            "match.addresses[0] (line 5): this range has bits",
        ),
    ] {
        let found = problems(&issuer(&format!("rules:\n  - match: {{ {matches} }}\n")));
        assert!(found.contains(expected), "{matches}: {found}");
    }
}

/// CONTRACT 3.10.7
#[test]
fn claims_make_a_rule_stricter_and_a_catch_all_as_strict() {
    for (rules, expected) in [
        (
            "{ match: { paths: [/a] }, claims: { g: [a] } }",
            &["rule_evadable"][..],
        ),
        (
            "{ match: { paths: [/a] }, claims: { g: [a] } }, { claims: { h: a } }",
            &["rule_evadable"],
        ),
        (
            "{ match: { paths: [/a] }, claims: { g: [a] } }, { claims: { g: [a, b] } }",
            &["rule_evadable"],
        ),
        (
            "{ match: { paths: [/a] }, claims: { g: [a, b] } }, { claims: { g: a, h: 1 } }",
            &[],
        ),
        (
            "{ match: { paths: [/a] }, claims: { g: [a] } }, { access: deny }",
            &[],
        ),
        (
            "{ match: { addresses: [10.0.0.0/8] }, access: anonymous }, { match: { addresses: [10.1.0.0/16] } }, { access: deny }",
            &["rule_unreachable"],
        ),
        (
            "{ match: { principals: ['a*'] }, access: anonymous }, { match: { principals: [ab] } }, { access: deny }",
            &["rule_unreachable"],
        ),
        (
            "{ match: { principals: ['*'] }, access: anonymous }, { access: deny }",
            &[],
        ),
        (
            "{ match: { addresses: ['0.0.0.0/0', '::/0'] }, access: optional }, { access: deny }",
            &[],
        ),
    ] {
        assert_eq!(
            codes(&issuer(&format!("rules: [{rules}]\n"))),
            expected,
            "{rules}"
        );
    }
}

/// CONTRACT 8.7
#[test]
fn a_rule_on_trial_causes_a_warning_and_ends_with_its_day() {
    let text = issuer(
        "rules:\n  - { scopes: [a], shadow: { until: 2027-01-31 } }\naccept_warnings: [rule_evadable]\n",
    );
    assert!(problems(&text).starts_with("warning[rule_shadow]: rules[0].shadow.until (line 5): "));
    let settings = resolved(&text).expect("is valid").settings;
    let end = settings.rules[0].trial_end.expect("has an end");
    // 2027-02-01T00:00:00Z
    assert_eq!(end.seconds(), 1_801_440_000.0);
}

#[test]
fn a_redis_url_is_checked_and_no_problem_shows_it() {
    let replay = |url: &str| issuer(&format!("replay: {{ redis: \"{url}\" }}\n"));
    let settings = resolved(&replay("rediss://u:secret@redis.example/1"));
    let settings = settings.expect("is valid").settings.replay;
    assert_eq!(settings.size, 100_000);
    let redis = settings.redis.expect("is set");
    assert_eq!(redis.to_string(), "rediss://redis.example:6379");
    for (url, problem) in [
        (
            "http://:secret@redis.example",
            "the scheme is neither `redis` nor `rediss`",
        ),
        (
            "redis://:secret@redis.example/secret",
            "the path is not the number of a database",
        ),
        ("redis://:secret@", "this is not a URL"),
        (
            "redis://:secret@redis.example",
            "the password crosses the network in the clear",
        ),
    ] {
        let problems = problems(&replay(url));
        assert!(problems.contains("replay.redis"), "{problems}");
        assert!(problems.contains(problem), "{problems}");
        assert!(!problems.contains("secret"), "{problems}");
    }
    for url in [
        "redis://:secret@127.0.0.1",
        "redis://redis.example:7000",
        "rediss://:secret@[2001:db8::1]",
    ] {
        assert_eq!(problems(&replay(url)), "", "{url}");
    }
}

#[test]
fn no_debug_text_of_a_configuration_has_the_password_of_its_redis_url() {
    let text = issuer("replay: { redis: \"rediss://u:secret@redis.example\" }\n");
    let (document, _) = load::read(&text, &|_| None).expect("is valid");
    let settings = resolved(&text).expect("is valid").settings;
    let replay = format!("{:?}", document.replay);
    assert!(!format!("{document:?}").contains("secret"));
    for text in [replay, format!("{settings:?}")] {
        assert!(text.contains("edis"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
