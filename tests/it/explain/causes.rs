//! CONTRACT 2.5.6: the notes of the steps, which say what was considered and what was required.

use serde_json::{Value, json};

use super::{explain, explain_by};
use crate::support::keys::{p256, rsa, set};
use crate::support::service::inline_issuer;
use crate::support::token::{Token, now, signed_text};

const ISSUER: &str = "https://one.test";

/// The notes of the steps for a token, by this configuration.
async fn notes(configuration: &str, arguments: &[&str], token: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration).unwrap();
    let config = ["--config", file.to_str().unwrap(), "--json"];
    let explained = explain_by(&[&config, arguments].concat(), token).await;
    let result: Value = serde_json::from_str(&explained.stdout).unwrap();
    let steps = result["steps"].as_array().unwrap().iter();
    let name = |step: &Value| step["step"].as_str().unwrap().to_owned();
    steps
        .map(|step| (name(step), step["note"].clone()))
        .collect()
}

#[tokio::test]
async fn explain_says_which_keys_were_considered_and_why_each_was_not_used() {
    let set_aside = json!({ "kty": "oct", "kid": "aside", "k": "AAAA" });
    let keys = set([rsa(0).jwk("k"), p256(0).jwk("ec"), set_aside]);
    let issuer = inline_issuer(ISSUER, &keys, "algorithms: [RS256, ES256]");
    let configuration = format!("issuers:\n{issuer}");
    let token = || Token::of(ISSUER);
    for (token, step, parts) in [
        (
            token().signed(rsa(1)),
            "signature",
            &[r#"kid is "k"; keys considered: key "k": it does not verify the signature"#][..],
        ),
        (
            token().kid("new").signed(rsa(0)),
            "key",
            &[
                r#"kid is "new"; keys considered: key "k": it has another `kid`"#,
                r#"key "ec": it has another `kid`"#,
                r#"key "aside": it has another `kid`"#,
            ],
        ),
        (
            token().kid("ec").signed(rsa(0)),
            "key",
            &[r#"key "ec": its `kty` is EC, and RS256 needs RSA"#],
        ),
        (
            token().kid("aside").signed(rsa(0)),
            "key",
            &[r#"key "aside": it is a symmetric key, so it is set aside"#],
        ),
        (
            token().without_header("kid").signed(rsa(1)),
            "signature",
            &[
                "kid is absent",
                r#"key "k": it does not verify the signature"#,
                r#"key "ec": its `kty` is EC"#,
                r#"key "aside": it is a symmetric key"#,
            ],
        ),
        (
            token().alg("RS512").signed(rsa(0)),
            "alg",
            &[r#"alg is "RS512"; the issuer entry accepts RS256, ES256; no key was considered"#],
        ),
    ] {
        let notes = notes(&configuration, &[], &token).await;
        let note = notes[step]
            .as_str()
            .unwrap_or_else(|| panic!("{step}: {notes}"));
        for part in parts {
            assert!(note.contains(part), "{step}: {note}");
        }
    }
}

#[tokio::test]
async fn explain_compares_the_lifetime_and_what_the_rule_accepts() {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "max_lifetime: 2h");
    let rules = "rules:\n  - { match: { paths: [/issuers] }, issuers: ['https://two.test'] }\n  \
                 - { match: { paths: [/audiences] }, audiences: [other.test] }\n";
    let two = inline_issuer("https://two.test", &set([rsa(0).jwk("k")]), "");
    let configuration = format!("issuers:\n{issuer}{two}{rules}");
    let long = |token: Token| token.claim("iat", now() - 60).claim("exp", now() + 7200);
    for (path, token, step, note) in [
        (
            "/",
            long(Token::of(ISSUER)),
            "max_lifetime",
            "exp - iat is 7260s (2h01m); max_lifetime is 7200s (2h00m)",
        ),
        (
            "/",
            Token::of(ISSUER).without("iat"),
            "max_lifetime",
            "the token has no claim `iat`, which `max_lifetime` requires",
        ),
        (
            "/issuers",
            Token::of(ISSUER),
            "issuers",
            r#"iss is "https://one.test"; the rule accepts ["https://two.test"]"#,
        ),
        (
            "/audiences",
            Token::of(ISSUER),
            "audiences",
            r#"aud is ["api.test"]; the rule accepts ["other.test"]"#,
        ),
    ] {
        let notes = notes(&configuration, &["--path", path], &token.signed(rsa(0))).await;
        assert_eq!(notes[step], note, "{path}");
    }
}

#[tokio::test]
async fn explain_says_what_each_token_source_has_and_shows_no_token() {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    let sources = "token_sources: [{ header: authorization, scheme: Bearer }, { cookie: session }, { query: t }]\n";
    let configuration = format!("{sources}issuers:\n{issuer}");
    let token = Token::of(ISSUER).signed(rsa(0));
    let scheme = "the header authorization with the scheme Bearer";
    let (cookie, query) = (r#"the cookie "session""#, r#"the query parameter "t""#);
    for (arguments, token, note) in [
        (
            &[][..],
            &*token,
            format!("{scheme}: a token; {cookie}: no token; {query}: no token"),
        ),
        (
            &["--header", "cookie: session=opaque-secret"],
            "",
            format!("{scheme}: absent; {cookie}: no token; {query}: no token"),
        ),
        (
            &["--header", "authorization: Basic opaque-secret"],
            "",
            format!("{scheme}: no token; {cookie}: no token; {query}: no token"),
        ),
        (
            &["--path", "/?t=opaque-secret"],
            &token,
            format!(
                "the token sources carry different tokens; {scheme}: a token; {cookie}: no token; {query}: a token"
            ),
        ),
    ] {
        let notes = notes(&configuration, arguments, token).await;
        assert_eq!(notes["credential"], note, "{arguments:?}");
        assert!(!notes.to_string().contains("opaque-secret"), "{notes}");
    }
}

/// A terminal shows the path of a page of the documentation, and no Markdown.
#[tokio::test]
async fn what_to_do_names_the_pages_of_the_documentation_by_their_paths() {
    let bound = Token::of(ISSUER).claim("cnf", json!({ "jkt": "A" }));
    let explained = explain(&["--path", "/x"], &bound.signed(rsa(0))).await;
    let text = &explained.stdout;
    assert!(text.contains("deny: unproven_binding"), "{text}");
    assert!(
        text.contains("See docs/bound-tokens.md. `binding: ignore`"),
        "{text}"
    );
    assert!(!text.contains("]("), "{text}");
}

#[tokio::test]
async fn explain_names_the_claim_that_has_none_of_the_values_and_not_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let issuer = inline_issuer(
        ISSUER,
        &set([rsa(0).jwk("k")]),
        "claims: { org.tier: [gold] }",
    );
    let rules = "rules:\n  - { claims: { groups: [admin] } }\n";
    std::fs::write(&file, format!("issuers:\n{issuer}{rules}")).unwrap();
    let config = ["--config", file.to_str().unwrap(), "--json"];
    let tier = |tier: &str| Token::of(ISSUER).claim("org", serde_json::json!({ "tier": tier }));
    let other = |claim: &str| format!("the claim `{claim}` has none of the required values");
    for (token, reason, step, note) in [
        (
            tier("hidden"),
            "invalid_claim",
            "issuer_claims",
            other("org.tier"),
        ),
        (
            Token::of(ISSUER).claim("org", "hidden"),
            "invalid_claim",
            "issuer_claims",
            "the token has no claim `org.tier`".to_owned(),
        ),
        (
            tier("gold").claim("groups", "hidden"),
            "claim_mismatch",
            "claims",
            other("groups"),
        ),
    ] {
        let explained = explain_by(&config, &token.signed(rsa(0))).await;
        assert_eq!(explained.code, Some(3), "{explained:?}");
        assert!(!explained.stdout.contains("hidden"), "{explained:?}");
        let result: Value = serde_json::from_str(&explained.stdout).unwrap();
        assert_eq!(result["reason"], reason);
        let mut steps = result["steps"].as_array().unwrap().iter();
        let failed = steps.find(|step| step["outcome"] == "failed").unwrap();
        assert_eq!(
            (&failed["step"], &failed["note"]),
            (&step.into(), &note.into())
        );
    }
}

/// CONTRACT 2.5.6: what is malformed, and how.
#[tokio::test]
async fn explain_states_the_cause_of_a_malformed_token() {
    let good = Token::of(ISSUER);
    let signed = good.signed(rsa(0));
    let milliseconds = now() * 1000;
    let twice = good.claims_text().replacen('{', "{\"aud\":\"x\",", 1);
    for (token, cause) in [
        (
            "opaque-token-of-the-issuer".to_owned(),
            "it is an opaque token",
        ),
        ("a.b.c.d.e".into(), "it is an encrypted JWT"),
        (
            format!("{signed}="),
            "the signature is not base64url: it ends with the padding",
        ),
        (
            signed_text(good.header_text(), &twice, rsa(0), "RS256"),
            "the claims set has `aud` twice",
        ),
        (
            good.clone().claim("exp", milliseconds).signed(rsa(0)),
            &format!("is in milliseconds ({milliseconds})"),
        ),
        (
            good.clone().claim("exp", "1790000000").signed(rsa(0)),
            "is a string (\"1790000000\")",
        ),
        (
            format!("{}.b.c", "a".repeat(16 * 1024)),
            "the token has 16388 bytes; max_token_size is 16384",
        ),
    ] {
        let explained = explain(&["--path", "/x"], &token).await;
        assert_eq!(explained.code, Some(3), "{}", explained.stderr);
        assert!(
            explained.stdout.contains(cause),
            "{cause}: {}",
            explained.stdout
        );
    }
}
