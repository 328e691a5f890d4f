//! Cookies that carry tokens, and what is left without them.

use super::{RemainingCookies, tokens, without};
use crate::request::{Completeness, Headers};

fn headers<'a>(values: &[&'a [u8]]) -> Headers<'a> {
    Headers::new(
        values.iter().map(|value| ("cookie", *value)),
        Completeness::Complete,
    )
}

fn left(values: &[&[u8]]) -> (Option<String>, usize) {
    let RemainingCookies { value, dropped } = without(&["s", "t"], b"a.b.c", &headers(values));
    (value, dropped)
}

#[test]
fn every_other_cookie_keeps_its_bytes() {
    let cases: &[(&[&[u8]], Option<&str>)] = &[
        (&[b"s=a.b.c"], None),
        (&[b"s=a.b.c; x=1"], Some("x=1")),
        (&[b"x=1; s=a.b.c"], Some("x=1")),
        (&[b"x=1; s=a.b.c;"], Some("x=1;")),
        (&[b"x=1;  s=a.b.c;y=\"2\"  "], Some("x=1;y=\"2\"  ")),
        (&[b"s=\"a.b.c\"; x=1"], Some("x=1")),
        (&[b"s=a.b.c; t=a.b.c; x=1; s=\"a.b.c\""], Some("x=1")),
        (&[b"s=a.b.c; s=a.b.c"], None),
        (&[b"s=a.b.c; ; ,"], None),
        (&[b"s=other; x=1"], Some("s=other; x=1")),
        (&[b"s=1.2.3; s=a.b.c; S=a.b.c"], Some("s=1.2.3; S=a.b.c")),
        (&[b"x=1; s=a.b.c", b"y=2"], Some("x=1; y=2")),
        (&[b"s=a.b.c", b" y=2"], Some("y=2")),
        // A server that splits at `;` alone sees the same cookies as before.
        (&[b"x=1,s=a.b.c; y=2"], Some("x=1; y=2")),
        (&[b"x=1;s=a.b.c, y=2"], Some("x=1; y=2")),
        (&[b"x=1,s=a.b.c,y=2; z"], Some("x=1,y=2; z")),
        (
            &["x=grüße; s=a.b.c; y=\t".as_bytes()],
            Some("x=grüße; y=\t"),
        ),
    ];
    for (values, expected) in cases {
        assert_eq!(left(values), (expected.map(str::to_owned), 0), "{values:?}");
    }
}

#[test]
fn only_cookies_that_an_answer_cannot_express_are_dropped() {
    assert_eq!(
        left(&[b"x=\xff; s=a.b.c; y=1"]),
        (Some("y=1".to_owned()), 1)
    );
    assert_eq!(
        left(&[b"x=1; y=\x01; s=a.b.c; z=\xc3"]),
        (Some("x=1".to_owned()), 2)
    );
    assert_eq!(left(&[b"x=\xff; s=a.b.c"]), (None, 1));
}

/// Removal was quadratic, and took 14 s for 1 MB.
#[test]
fn a_huge_cookie_header_is_split_once() {
    let huge = b"s=a.b.c; x=1,".repeat(1_000_000);
    let (value, dropped) = left(&[&huge]);
    assert_eq!(dropped, 0);
    assert_eq!(value.map(|value| value.len()), Some(1_000_000 * 5 - 1));
}

#[test]
fn several_cookies_of_one_name() {
    let good: &[u8] = b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";
    let found = |value: &[u8]| -> Vec<String> {
        tokens("s", &headers(&[value]))
            .into_iter()
            .map(|token| String::from_utf8_lossy(token).into_owned())
            .collect()
    };
    let good_text = String::from_utf8_lossy(good).into_owned();
    let beside = |other: &str| found(format!("s={other}; s={good_text}").as_bytes());
    // A value without three parts is no token.
    for other in ["abc", "1.2", "\"1.2\"", "", "a.b.c.d.e"] {
        assert_eq!(beside(other), [good_text.as_str()], "{other}");
    }
    // Every other value is one, whatever its parts are.
    for other in [
        "1.2.3",
        "\"1.2.3\"",
        "a%2Eb%2Ec",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "eyJhbGciOiJub25lIn0\\\\.eyJzdWIiOiJhZG1pbiJ9.",
        "\\.eyJzdWIiOiJhZG1pbiJ9.x",
    ] {
        assert_eq!(beside(other).len(), 2, "{other}");
    }
    assert_eq!(found(b"s=1.2.3; s=4.5.6"), ["1.2.3", "4.5.6"]);
    assert_eq!(found(b"s=\"1.2.3\"; s=1.2.3"), ["1.2.3", "1.2.3"]);
}
