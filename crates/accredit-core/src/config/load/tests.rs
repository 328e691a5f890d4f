//! Whole configurations: the contract's own, what the environment gives, and every fixture with its problems.

use super::read;
use crate::config::document::ConfigDocument;
use crate::config::issuer_document::{
    AnyAudience, AudiencesDocument, ClaimEncoding, ClaimSource, EncodedClaim, IssuerDocument,
};
use crate::config::one_or_many::{ClaimNameDocument, OneOrMany};
use crate::config::units::{Duration, Size};
use crate::config::words::Word;

mod environment;
mod mistakes;

const SECRET: &str = "hunter2";

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "SECRET" => SECRET,
        "EMPTY" => "",
        "NUMBER" => "12",
        "HEX" => "0x10",
        "YES" => "true",
        "QUOTED" => "\"${NUMBER}\": [a]",
        "LISTEN" => "127.0.0.1:1",
        _ => return None,
    };
    Some(value.to_owned())
}

fn parsed(text: &str) -> ConfigDocument {
    match read(text, &environment) {
        Ok((document, problems)) if !problems.has_errors() => document,
        Ok((_, problems)) => panic!("{}", lines(&problems.into_sorted())),
        Err(problems) => panic!("{}", lines(&problems)),
    }
}

fn refused(text: &str) -> String {
    match read(text, &environment) {
        Err(problems) => lines(&problems),
        Ok((_, problems)) => {
            assert!(problems.has_errors(), "accepted: {text}");
            lines(&problems.into_sorted())
        }
    }
}

fn lines(problems: &[crate::config::problem::Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::new(std::time::Duration::from_secs(seconds)))
}

#[test]
fn the_contracts_example_is_read_with_every_key() {
    let document = parsed(include_str!(
        "../../../../../tests/fixtures/config/valid/contract.yaml"
    ));
    assert_eq!(document.listen.as_deref(), Some("0.0.0.0:9191"));
    assert_eq!(document.admin_listen.as_deref(), Some("127.0.0.1:9192"));
    assert_eq!(document.probe_listen.as_deref(), Some("0.0.0.0:9194"));
    assert_eq!(document.admin_hosts, Some(vec![]));
    assert_eq!(document.forward_token, Some(true));
    assert_eq!(document.payload_header.as_deref(), Some("x-jwt-payload"));
    assert_eq!(document.strip_headers, Some(vec!["x-jwt-*".into()]));
    assert_eq!(document.realm.as_deref(), Some("api"));
    assert_eq!(document.token_cache, Some(Size::new(64 << 20)));
    assert_eq!(document.max_concurrent_checks, Some(1024));
    assert_eq!(document.check_timeout, seconds(1));
    assert_eq!(document.startup_wait, seconds(30));
    assert_eq!(document.drain, seconds(20));
    assert_eq!(document.error_details, Some(true));
    assert_eq!(document.state_dir.as_deref(), Some("/var/lib/accredit"));
    assert_eq!(document.unavailable, Word::parse("refuse"));

    let [issuer] = document.issuers.as_slice() else {
        panic!("one issuer")
    };
    assert_eq!(
        issuer.issuer,
        OneOrMany::One("https://acme.scalekit.dev".into())
    );
    assert_eq!(
        issuer.audiences,
        AudiencesDocument::OneOf(vec!["api.acme.example".into()])
    );
    assert_eq!(issuer.audience_absent, Word::parse("refuse"));
    assert_eq!(
        issuer.algorithms,
        Word::parse("RS256").map(|word| vec![word])
    );
    assert_eq!(
        issuer.token_types,
        Some(vec!["JWT".into(), "at+jwt".into()])
    );
    assert_eq!(
        (issuer.clock_skew, issuer.max_lifetime),
        (seconds(30), seconds(86_400))
    );
    assert_eq!(
        issuer.required_claims,
        Some(vec![ClaimNameDocument::Dotted("sub".into())])
    );
    assert_eq!(
        issuer.scope_claims,
        Some(
            ["scopes", "scp", "scope"]
                .map(|name| ClaimNameDocument::Dotted(name.into()))
                .into()
        )
    );
    assert_eq!(
        (issuer.binding, issuer.required),
        (Word::parse("enforce"), Some(true))
    );
    let jwks = issuer.jwks.as_ref().expect("keys");
    assert_eq!(jwks.uri.as_deref(), Some("https://acme.scalekit.dev/keys"));
    assert_eq!(
        (jwks.refresh, jwks.max_stale, jwks.timeout),
        (seconds(300), seconds(86_400), seconds(5))
    );
    assert_eq!(
        (jwks.ca_file.as_deref(), jwks.allow_http),
        (Some("/etc/ssl/acme.pem"), Some(false))
    );
    assert_eq!((jwks.file.as_ref(), jwks.inline.as_ref()), (None, None));

    let dotted = |name: &str| ClaimSource::Dotted(name.into());
    let groups = EncodedClaim {
        claim: ClaimNameDocument::Dotted("groups".into()),
        encoding: ClaimEncoding::Json,
    };
    let headers = &issuer.claim_headers.as_ref().expect("claim headers").0;
    let expected = [
        ("x-jwt-sub", dotted("sub")),
        ("x-jwt-scope", dotted("scopes")),
        ("x-jwt-environment", dotted("custom_claims.environment")),
        (
            "x-jwt-roles",
            ClaimSource::Literal(vec!["https://acme.example/roles".into()]),
        ),
        ("x-jwt-groups", ClaimSource::Encoded(groups)),
    ];
    assert_eq!(
        *headers,
        expected.map(|(name, source)| (name.to_owned(), source))
    );
}

#[test]
fn a_minimal_configuration_leaves_every_optional_key_unset() {
    let document =
        parsed("issuers: [{issuer: [a, b], audiences: any, jwks: {inline: '{\"keys\":[]}'}}]");
    let [issuer] = document.issuers.as_slice() else {
        panic!("one issuer")
    };
    assert_eq!(issuer.issuer, OneOrMany::Many(vec!["a".into(), "b".into()]));
    assert_eq!(issuer.audiences, AudiencesDocument::Any(AnyAudience::Any));
    assert_eq!(
        issuer.jwks.as_ref().and_then(|jwks| jwks.inline.as_deref()),
        Some("{\"keys\":[]}")
    );
    let bare = IssuerDocument {
        jwks: issuer.jwks.clone(),
        ..IssuerDocument::new(issuer.issuer.clone(), issuer.audiences.clone())
    };
    assert!(*issuer == bare);
    let rest = ConfigDocument {
        issuers: Vec::new(),
        ..document.clone()
    };
    assert!(rest == ConfigDocument::default());
    assert!(!format!("{document:?} {issuer:?} {:?}", issuer.jwks).contains("keys"));
}
