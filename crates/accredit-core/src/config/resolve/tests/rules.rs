//! Rules: their mistakes, and rules on trial.

use super::{issuer, problems, resolved};

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
            "rules[0].shadow.until (line 5): this is not a day",
        ),
        (
            rule("{ scopes: [a], shadow: { until: 2027-1-31 } }"),
            "rules[0].shadow.until (line 5): this is not a day",
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
