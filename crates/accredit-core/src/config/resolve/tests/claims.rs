//! What rules require of claims, principals and addresses.

use super::{issuer, problems, resolved};

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
    use crate::token::claim_values::ClaimValue;
    use crate::token::decimal::Decimal;

    let lines = "    claims: { a: ['1', 1, 1.0, true, 'true', '${TIER}', 9223372036854775807, -0.5], b.c: x }\n";
    let resolved = resolved(&issuer(lines)).expect("is valid");
    let demands = &resolved.settings.issuers[0].requirements.claims;
    let number = |text: &str| ClaimValue::Number(Decimal::parse(text).expect("is a number"));
    let text = |text: &str| ClaimValue::Text(text.to_owned());
    assert_eq!(
        *demands[0].any_of,
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
