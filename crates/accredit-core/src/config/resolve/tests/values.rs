//! Values of single keys, and settings that are dangerous.

use super::{codes, issuer, problems, resolved};
use crate::config::problem::Severity;

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
