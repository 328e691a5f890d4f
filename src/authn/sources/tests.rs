//! Requests with one token, none, and several.

use super::{TokenSource, TokenSources};
use crate::authn::error::Error;
use crate::request::{Completeness, Headers, Request};
use crate::token;

fn extract(
    sources: &TokenSources,
    path: &str,
    headers: &[(&str, &[u8])],
) -> Result<Option<String>, Error> {
    let request = Request {
        method: "GET",
        host: "a.example",
        path,
        headers: Headers::new(headers.iter().copied(), Completeness::Complete),
        source_address: "",
        source_principal: "",
        context: vec![],
    };
    let found = sources.extract(&request)?;
    Ok(found.map(|credential| {
        format!(
            "{} in {}",
            credential.bearer.expose(),
            credential.places.len()
        )
    }))
}

const MALFORMED: Error = Error::Token(token::error::TokenError::Malformed);

#[test]
fn one_bearer_token_or_why_not() {
    let several = Err(Error::SeveralCredentials);
    let none = Ok(None);
    type Case<'a> = (&'a [&'a [u8]], Result<Option<&'a str>, Error>);
    let cases: &[Case<'_>] = &[
        (&[], none),
        (&[b""], none),
        (&[b"Bearer"], none),
        (&[b"Bearer   "], none),
        (&[b"Basic dXNlcjpwYXNz"], none),
        (&[b"Bearerx a.b.c"], none),
        (&[b"Bearer\ta.b.c"], none),
        (&[b"Digest a=1, b=2"], none),
        (&[b"a.b.c"], none),
        (&[b"Bearer a.b.c"], Ok(Some("a.b.c in 1"))),
        (&[b"bEaReR a.b.c"], Ok(Some("a.b.c in 1"))),
        (&[b"\t Bearer    a.b.c \t"], Ok(Some("a.b.c in 1"))),
        (&[b"Bearer a b"], Ok(Some("a b in 1"))),
        (&[b"Bearer a.b.c,Bearer a.b.c"], several),
        (&[b"Bearer a.b.c, Bearer d.e.f"], several),
        (&[b"Bearer a.b.c,x"], several),
        (&[b"Basic x,bearer a.b.c"], several),
        (&[b"Basic x, Bearer"], several),
        (&[b"Bearer a.b.c,"], several),
        (&[b"Bearer a.b.c", b"Bearer a.b.c"], several),
        (&[b"Basic x", b"Bearer a.b.c"], several),
        (&[b"Bearer \xff"], Err(MALFORMED)),
    ];
    for (values, expected) in cases {
        let headers: Vec<_> = values
            .iter()
            .map(|value| ("Authorization", *value))
            .collect();
        let shown: Vec<_> = values
            .iter()
            .map(|value| String::from_utf8_lossy(value))
            .collect();
        let found = extract(&TokenSources::default(), "/", &headers);
        assert_eq!(
            found,
            expected.map(|found| found.map(str::to_owned)),
            "{shown:?}"
        );
    }
    let longest = [b"Bearer ".as_slice(), &[b'a'; 16 * 1024]].concat();
    assert!(
        extract(
            &TokenSources::default(),
            "/",
            &[("authorization", &longest)]
        )
        .is_ok()
    );
    let too_long = [&longest[..], b"a"].concat();
    assert_eq!(
        extract(
            &TokenSources::default(),
            "/",
            &[("authorization", &too_long)]
        ),
        Err(MALFORMED)
    );
}

#[test]
fn every_place_and_the_same_token_in_several() {
    let sources = TokenSources::new(vec![
        TokenSource::Scheme {
            header: "authorization".into(),
            scheme: "Bearer".into(),
        },
        TokenSource::Header("x-api-token".into()),
        TokenSource::Cookie("session".into()),
        TokenSource::Query("access_token".into()),
    ]);
    let several = Err(Error::SeveralCredentials);
    type Case<'a> = (
        &'a str,
        &'a [(&'a str, &'a [u8])],
        Result<Option<&'a str>, Error>,
    );
    let cases: &[Case<'_>] = &[
        ("/", &[("x-api-token", b" a.b.c ")], Ok(Some("a.b.c in 1"))),
        ("/", &[("x-api-token", b"")], Ok(None)),
        ("/", &[("x-api-token", b"a.b.c,")], several),
        (
            "/",
            &[("x-api-token", b"a.b.c"), ("x-api-token", b"a.b.c")],
            several,
        ),
        (
            "/",
            &[("cookie", b"x=1; session=a.b.c; y=2")],
            Ok(Some("a.b.c in 1")),
        ),
        (
            "/",
            &[("cookie", b"x=1; session=a.b.c,session=a.b.c; y=2")],
            Ok(Some("a.b.c in 1")),
        ),
        (
            "/",
            &[("cookie", b"session=a.b.c"), ("cookie", b"session=d.e.f")],
            several,
        ),
        (
            "/",
            &[("cookie", b"session=abc; Session=a.b.c; xsession=a.b.c")],
            Ok(None),
        ),
        ("/", &[("cookie", b"session")], Ok(None)),
        ("/?access_token=a.b.c", &[], Ok(Some("a.b.c in 1"))),
        ("/?x=1&access%5Ftoken=a.b.c&y", &[], Ok(Some("a.b.c in 1"))),
        ("/?access_token=a.b.c&access_token=a.b.d", &[], several),
        ("/?access_token=", &[], Ok(None)),
        ("/?access_token=a%2Eb.c", &[], Ok(Some("a%2Eb.c in 1"))),
        ("/access_token=a.b.c", &[], Ok(None)),
        (
            "/?access_token=a.b.c",
            &[
                ("authorization", b"Bearer a.b.c"),
                ("cookie", b"session=a.b.c"),
            ],
            Ok(Some("a.b.c in 3")),
        ),
        (
            "/?access_token=a.b.c",
            &[("authorization", b"Bearer a.b.d")],
            several,
        ),
        (
            "/?access_token=a.b.c",
            &[("authorization", b"Basic xyz")],
            Ok(Some("a.b.c in 1")),
        ),
    ];
    for (path, headers, expected) in cases {
        let found = extract(&sources, path, headers);
        assert_eq!(
            found,
            expected.map(|found| found.map(str::to_owned)),
            "{path} {headers:?}"
        );
    }
}
