//! The configuration of the services under test.

use std::fmt::Write as _;

use crate::messages::ISSUER;

const TOKEN_CACHE: &str = "token_cache: 64MiB\n";

/// Each claim header, and its claim.
pub(crate) const CLAIM_HEADERS: [(&str, &str); 5] = [
    ("x-jwt-sub", "sub"),
    ("x-jwt-client-id", "client_id"),
    ("x-jwt-org", "oid"),
    ("x-jwt-scope", "scopes"),
    ("x-jwt-env", "custom_claims.environment"),
];

/// Issuers that share a key set, five claim headers, and rules of which the last ones match.
pub(crate) fn configuration(keys: &str, issuers: usize, rules: usize) -> String {
    let mut text = format!("{TOKEN_CACHE}accept_warnings: [rule_evadable]\nissuers:\n");
    for number in 1..=issuers {
        let name = match number {
            1 => ISSUER.to_owned(),
            number => format!("https://issuer{number}.example"),
        };
        let headers = CLAIM_HEADERS.map(|(header, claim)| format!("{header}: {claim}"));
        let _ = write!(
            text,
            "  - issuer: {name}\n    jwks: {{ inline: '{keys}' }}\n    audiences: [api.acme.example]\n    claim_headers: {{ {} }}\n",
            headers.join(", ")
        );
    }
    text.push_str("rules:\n");
    for number in 2..rules {
        let _ = writeln!(
            text,
            "  - {{ match: {{ paths: ['/area{number}/*/items/**'], methods: [GET] }}, scopes: [read:deployments] }}"
        );
    }
    text.push_str(
        "  - { match: { paths: [/api/when], methods: [GET] }, scopes: [read:deployments], when: 'claims.oid == \"org_2001\"' }\n  - { match: { paths: [/api/data], methods: [GET] }, scopes: [read:deployments] }\n",
    );
    text
}

/// The same configuration of a service that keeps no token.
pub(crate) fn without_token_cache(configuration: &str) -> String {
    assert_eq!(configuration.matches(TOKEN_CACHE).count(), 1);
    configuration.replace(TOKEN_CACHE, "token_cache: 0\n")
}
