//! Requests with one token, with none, and with an ambiguous credential.

use super::{AmbiguousCredential, ExtractionError, TokenSource, TokenSources};
use crate::request::{ClientCertificate, Completeness, Headers, Request};
use crate::token::malformed::MalformedToken;

fn extract(
    sources: &TokenSources,
    path: &str,
    headers: &[(&str, &[u8])],
) -> Result<Option<String>, ExtractionError> {
    let request = Request {
        method: "GET",
        host: "a.example",
        path,
        headers: Headers::new(headers.iter().copied(), Completeness::Complete),
        source_address: "",
        source_principal: "",
        source_certificate: ClientCertificate::Absent,
        scheme: "https",
        context: vec![],
        trace: None,
    };
    let found = sources.extract(&request)?;
    Ok(found.map(|credential| {
        format!(
            "{} in {}",
            credential.bearer.expose_text(),
            credential.sources.len()
        )
    }))
}

const fn ambiguous<T>(cause: AmbiguousCredential) -> Result<T, ExtractionError> {
    Err(ExtractionError::Ambiguous(cause))
}

#[test]
fn the_authorization_header_gives_one_bearer_token_or_a_reason() {
    let several = ambiguous(AmbiguousCredential::SeveralValues);
    let joined = ambiguous(AmbiguousCredential::JoinedValues);
    let bad_end = ambiguous(AmbiguousCredential::BadSchemeEnd);
    let bad_byte = ambiguous(AmbiguousCredential::BadByte);
    let none = Ok(None);
    type Case<'a> = (&'a [&'a [u8]], Result<Option<&'a str>, ExtractionError>);
    let cases: &[Case<'_>] = &[
        (&[], none),
        (&[b""], none),
        (&[b"Bearer"], none),
        (&[b"Bearer   "], none),
        (&[b"Basic dXNlcjpwYXNz"], none),
        (&[b"Bearerx a.b.c"], none),
        (&[b"Bearer\ta.b.c"], bad_end),
        (&[b"bearer\t"], none),
        (&[b"Bearer:a.b.c"], bad_end),
        (&[b"BEARER\"a.b.c\""], bad_end),
        (&[b"Bearer=a.b.c"], bad_end),
        (&[b"Bearer/a.b.c"], bad_end),
        (&[b"Bearer,a.b.c"], joined),
        (&[b"Basic x, Bearer\ta.b.c"], bad_end),
        (&[b"Bearer!a.b.c"], bad_end),
        (&[b"!Bearer a.b.c"], bad_end),
        (&[b"!Bearerx a.b.c"], none),
        (&[b"Bearer-x a.b.c"], none),
        (&[b"Bearer \t a.b.c"], Ok(Some("a.b.c in 1"))),
        (&[b"\xa0Bearer a.b.c"], bad_byte),
        (&[b"Bearer\xc2\xa0a.b.c"], bad_byte),
        (&[b"Basic \xff"], bad_byte),
        (&[b"Bearer a.b.c\x0b"], bad_byte),
        (&[b"Bearer a.b\x7f.c"], bad_byte),
        (&[b"Digest a=1, b=2"], none),
        (&[b"a.b.c"], none),
        (&[b"Bearer a.b.c"], Ok(Some("a.b.c in 1"))),
        (&[b"bEaReR a.b.c"], Ok(Some("a.b.c in 1"))),
        (&[b"\t Bearer    a.b.c \t"], Ok(Some("a.b.c in 1"))),
        (&[b"Bearer a b"], Ok(Some("a b in 1"))),
        (&[b"Bearer a.b.c,Bearer a.b.c"], joined),
        (&[b"Bearer a.b.c, Bearer d.e.f"], joined),
        (&[b"Bearer a.b.c,x"], joined),
        (&[b"Basic x,bearer a.b.c"], joined),
        (&[b"Basic x, Bearer"], joined),
        (&[b"Bearer a.b.c,"], joined),
        (&[b"Bearer a.b.c", b"Bearer a.b.c"], several),
        (&[b"Basic x", b"Bearer a.b.c"], several),
        (&[b"Bearer \xff"], bad_byte),
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
        Err(ExtractionError::NotAToken(MalformedToken::TooLong {
            size: 16 * 1024 + 1,
            limit: 16 * 1024
        }))
    );
}

#[test]
fn tokens_are_extracted_from_every_kind_of_source() {
    let sources = TokenSources::new(vec![
        TokenSource::Scheme {
            header: "authorization".into(),
            scheme: "Bearer".into(),
        },
        TokenSource::Header("x-api-token".into()),
        TokenSource::Cookie("session".into()),
        TokenSource::Query("access_token".into()),
        TokenSource::Protocol("bearer".into()),
    ]);
    let several = ambiguous(AmbiguousCredential::SeveralTokens);
    let repeated = ambiguous(AmbiguousCredential::SeveralValues);
    let joined = ambiguous(AmbiguousCredential::JoinedValues);
    let bad_end = ambiguous(AmbiguousCredential::BadSchemeEnd);
    type Case<'a> = (
        &'a str,
        &'a [(&'a str, &'a [u8])],
        Result<Option<&'a str>, ExtractionError>,
    );
    let cases: &[Case<'_>] = &[
        ("/", &[("x-api-token", b" a.b.c ")], Ok(Some("a.b.c in 1"))),
        ("/", &[("x-api-token", b"")], Ok(None)),
        ("/", &[("x-api-token", b"a.b.c,")], joined),
        (
            "/",
            &[("x-api-token", b"a.b.c"), ("x-api-token", b"a.b.c")],
            repeated,
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
        // A near-token beside a good second source.
        (
            "/?access_token=a.b.c",
            &[("authorization", b"Bearer\tx")],
            bad_end,
        ),
        (
            "/",
            &[("cookie", b"session=\"a.b.c\"")],
            Ok(Some("a.b.c in 1")),
        ),
        (
            "/",
            &[("cookie", b"session=1.2.3; session=eyJh.b.c")],
            ambiguous(AmbiguousCredential::SeveralTokens),
        ),
        (
            "/",
            &[("cookie", b"session=1.2; session=eyJh.b.c; session=")],
            Ok(Some("eyJh.b.c in 1")),
        ),
        (
            "/",
            &[("sec-websocket-protocol", b"chat, bearer, a.b.c")],
            Ok(Some("a.b.c in 1")),
        ),
        (
            "/",
            &[("sec-websocket-protocol", b"bearer.a.b.c, bearer, a.b.d")],
            several,
        ),
        (
            "/",
            &[
                ("sec-websocket-protocol", b"bearer"),
                ("sec-websocket-protocol", b"a.b.c"),
            ],
            repeated,
        ),
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

/// Beside a token of another source, the header of a source with a scheme must not have a JWT that a careless program reads.
#[test]
fn a_second_jwt_in_the_header_of_a_source_is_ambiguous() {
    let sources = TokenSources::new(vec![
        TokenSource::Scheme {
            header: "authorization".into(),
            scheme: "Bearer".into(),
        },
        TokenSource::Cookie("session".into()),
        TokenSource::Protocol("bearer".into()),
    ]);
    let cookie = ("cookie", &b"session=a.b.c"[..]);
    for value in [
        "eyJh.eyJh.x",
        "BearereyJh.eyJh.x",
        "bearereyJh.eyJh.x",
        "Basic Bearer eyJh.eyJh.x",
        "Basic x, eyJh.eyJh.x Bearer  x.eyJh.y",
    ] {
        let header = ("authorization", value.as_bytes());
        let found = extract(&sources, "/", &[cookie, header]);
        assert_eq!(
            found,
            ambiguous(AmbiguousCredential::HiddenToken),
            "{value}"
        );
        assert_eq!(extract(&sources, "/", &[header]), Ok(None), "{value}");
    }
    for value in ["Token eyJh.eyJh.x", "Basic eyJh", "Bearer", "Bearerx y"] {
        let header = ("authorization", value.as_bytes());
        let found = extract(&sources, "/", &[cookie, header]);
        assert_eq!(found, Ok(Some("a.b.c in 1".to_owned())), "{value}");
    }
    for (list, is_second) in [
        ("bearer, a.b.c, Bearer.eyJh.eyJh.x", true),
        ("bearer, a.b.c, eyJh.eyJh.x", true),
        ("chat.v1, bearer.a.b.c", false),
        ("bearer, a.b.c", false),
    ] {
        let found = extract(
            &sources,
            "/",
            &[("sec-websocket-protocol", list.as_bytes())],
        );
        let expected = if is_second {
            ambiguous(AmbiguousCredential::HiddenToken)
        } else {
            Ok(Some("a.b.c in 1".to_owned()))
        };
        assert_eq!(found, expected, "{list}");
    }
    let list = "bearer, eyJh.eyJh.c";
    let found = extract(
        &sources,
        "/",
        &[("sec-websocket-protocol", list.as_bytes())],
    );
    assert_eq!(found, Ok(Some("eyJh.eyJh.c in 1".to_owned())));
}
