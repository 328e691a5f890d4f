//! Issuers with a placeholder for the tenant, and which texts match them.

use super::{IssuerTemplate, IssuerTemplateError, shapes};

fn template(text: &str) -> IssuerTemplate {
    IssuerTemplate::parse(text)
        .expect("is valid")
        .expect("has a placeholder")
}

#[test]
fn a_placeholder_is_one_whole_segment_of_path_or_host() {
    for text in [
        "https://login.example/{tid}/v2.0",
        "https://login.example/{tid}",
        "https://login.example/{tid}/",
        "https://{tenant}.login.example",
        "https://eu.{tenant}.login.example:8443/a",
        "http://127.0.0.1:9/{custom.tid}",
    ] {
        assert_eq!(template(text).to_string(), text);
    }
    assert_eq!(IssuerTemplate::parse("https://a.example"), Ok(None));
    for (text, error) in [
        (
            "https://a.example/{a}/{b}",
            IssuerTemplateError::NotOnePlaceholder,
        ),
        (
            "https://a.example/{a",
            IssuerTemplateError::NotOnePlaceholder,
        ),
        (
            "https://a.example/a}",
            IssuerTemplateError::NotOnePlaceholder,
        ),
        (
            "https://a.example/{{a}}",
            IssuerTemplateError::NotOnePlaceholder,
        ),
        ("https://a.example/{}", IssuerTemplateError::NotAClaimName),
        (
            "https://a.example/{a b}",
            IssuerTemplateError::NotAClaimName,
        ),
        (
            "https://a.example/{a..b}",
            IssuerTemplateError::NotAClaimName,
        ),
        ("acme-{tid}", IssuerTemplateError::NotAUrl),
        ("urn:a:{tid}", IssuerTemplateError::NotAUrl),
        ("https:///{tid}", IssuerTemplateError::NotAUrl),
        ("https://a.example/?t={tid}", IssuerTemplateError::NotAUrl),
        ("https://u@{tid}.example", IssuerTemplateError::NotAUrl),
        ("https://a.example/x{tid}", IssuerTemplateError::NotASegment),
        ("https://a.example/{tid}x", IssuerTemplateError::NotASegment),
        (
            "https://a.example:{port}/",
            IssuerTemplateError::NotASegment,
        ),
        ("https://{tid}", IssuerTemplateError::NotASegment),
        ("https://{tid}/a", IssuerTemplateError::NotASegment),
        ("https://x{tid}.example", IssuerTemplateError::NotASegment),
        ("https://a.{tid}", IssuerTemplateError::NotASegment),
    ] {
        assert_eq!(IssuerTemplate::parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_segment_of_one_form_stands_for_the_placeholder() {
    let path = template("https://a.example/{tid}/v2.0");
    let host = template("https://{tid}.a.example/");
    for (template, issuer, tenant) in [
        (&path, "https://a.example/t-1/v2.0", Some("t-1")),
        (&path, "https://a.example//v2.0", None),
        (&path, "https://a.example/t/u/v2.0", None),
        (&path, "https://a.example/../v2.0", None),
        (&path, "https://a.example/%74/v2.0", None),
        (&path, "https://a.example/t?/v2.0", None),
        (&path, "https://a.example/v2.0", None),
        (&path, "https://a.example/{tid}/v2.0", None),
        (&path, "https://a.example/t/v2.0/", None),
        (&host, "https://t.a.example/", Some("t")),
        (&host, "https://t.u.a.example/", None),
        (&host, "https://evil.example/.a.example/", None),
        (&host, "https://evil.example#.a.example/", None),
        (&host, "https://u@t.a.example/", None),
        (&host, "https://.a.example/", None),
    ] {
        assert_eq!(template.tenant_of(issuer), tenant, "{issuer}");
        if let Some(tenant) = tenant {
            assert_eq!(template.issuer_of(tenant).as_deref(), Some(issuer));
            assert!(
                shapes(issuer).any(|shape| shape == template.shape()),
                "{issuer}"
            );
        }
    }
    assert_eq!(path.issuer_of(".."), None);
    assert_eq!(host.issuer_of("a.b"), None);
}

#[test]
fn an_issuer_has_few_shapes_whatever_it_contains() {
    let of = |issuer: &str| shapes(issuer).collect::<Vec<_>>();
    assert_eq!(
        of("https://a.b:1/c/d"),
        [
            "https://{}.b:1/c/d",
            "https://a.{}:1/c/d",
            "https://a.b:{}/c/d",
            "https://a.b:1/{}/d",
            "https://a.b:1/c/{}",
        ]
    );
    assert_eq!(of("urn:a:b"), Vec::<String>::new());
    assert_eq!(of(""), Vec::<String>::new());
    assert_eq!(of("https://é/é").len(), 2);
    assert!(of(&format!("https://a{}", "/a".repeat(900))).len() <= 32);
    assert!(of(&format!("https://a/{}", "a".repeat(3000))).is_empty());
}
