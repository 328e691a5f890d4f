//! The table of paths: each with its one reading, its ambiguities, or neither.
//!
//! What Envoy makes of each with and without `normalize_path` stands in docs/paths.md.

use super::{Ambiguity, Path};
use Ambiguity::{
    Backslash, BadEncoding, DotSegments, DoubleEncoding, EmptySegments, EncodedDelimiter,
    EncodedSlash, Parameters,
};

#[test]
fn paths_with_one_reading() {
    let cases: &[(&str, &[&str])] = &[
        ("/", &[]),
        ("/?", &[]),
        ("/a", &["a"]),
        ("/a/", &["a"]),
        ("/a/b", &["a", "b"]),
        ("/a?x=/../b", &["a"]),
        ("/a?x=%2F;#", &["a"]),
        ("/a/?x", &["a"]),
        ("/a.b", &["a.b"]),
        ("/.a", &[".a"]),
        ("/..a", &["..a"]),
        ("/a..", &["a.."]),
        ("/...", &["..."]),
        ("/%2e%2e%2e", &["..."]),
        ("/%61", &["a"]),
        ("/%41%62c", &["Abc"]),
        ("/a%20b", &["a b"]),
        ("/a+b", &["a+b"]),
        ("/gr%C3%BC%C3%9Fe", &["grüße"]),
        ("/%F0%9F%98%80", &["😀"]),
        ("/%EF%BC%8F", &["／"]),
        ("/a:b@c!$&'()*,=~-_", &["a:b@c!$&'()*,=~-_"]),
        ("/a%3Ab%40c", &["a:b@c"]),
        ("/a%2Ab", &["a*b"]),
        ("/*", &["*"]),
        ("/a%22b", &["a\"b"]),
        ("/A", &["A"]),
    ];
    for (target, segments) in cases {
        let segments = segments
            .iter()
            .map(|segment| (*segment).to_owned())
            .collect();
        assert_eq!(Path::parse(target), Path::Plain(segments), "{target}");
    }
}

#[test]
fn paths_that_two_servers_could_read_differently() {
    let cases: &[(&str, &[Ambiguity])] = &[
        ("/.", &[DotSegments]),
        ("/..", &[DotSegments]),
        ("/a/../b", &[DotSegments]),
        ("/a/./b", &[DotSegments]),
        ("/a/..", &[DotSegments]),
        ("/../", &[DotSegments]),
        ("/%2e%2e/a", &[DotSegments]),
        ("/%2E./a", &[DotSegments]),
        ("/.%2e/a", &[DotSegments]),
        ("/%2e", &[DotSegments]),
        ("/..;/a", &[DotSegments, Parameters]),
        ("/..;x=1/a", &[DotSegments, Parameters]),
        ("/.;/a", &[DotSegments, Parameters]),
        ("/..%3B/a", &[DotSegments, EncodedDelimiter]),
        ("/a\\..\\b", &[DotSegments, Backslash]),
        ("/a%5C..%5Cb", &[DotSegments, Backslash]),
        ("/a%2F..%2Fb", &[DotSegments, EncodedSlash]),
        ("/a/..%2Fb", &[DotSegments, EncodedSlash]),
        ("//", &[EmptySegments]),
        ("//a", &[EmptySegments]),
        ("/a//b", &[EmptySegments]),
        ("/a//", &[EmptySegments]),
        ("/a/%2Fb", &[EmptySegments, EncodedSlash]),
        ("/a/;x/b", &[EmptySegments, Parameters]),
        ("/a/;", &[EmptySegments, Parameters]),
        ("/a%2Fb", &[EncodedSlash]),
        ("/a%2fb", &[EncodedSlash]),
        ("/a\\b", &[Backslash]),
        ("/a%5cb", &[Backslash]),
        ("/%252e%252e/a", &[DoubleEncoding]),
        ("/a%25", &[DoubleEncoding]),
        ("/a%2541", &[DoubleEncoding]),
        ("/a%3Bb", &[EncodedDelimiter]),
        ("/a%3Fb", &[EncodedDelimiter]),
        ("/a%23b", &[EncodedDelimiter]),
        ("/a#b", &[EncodedDelimiter]),
        ("/a#?b", &[EncodedDelimiter]),
        ("/%", &[BadEncoding]),
        ("/%2", &[BadEncoding]),
        ("/%zz", &[BadEncoding]),
        ("/%+1", &[BadEncoding]),
        ("/%C0%AE%C0%AE/a", &[BadEncoding]),
        ("/%ff", &[BadEncoding]),
        ("/%ED%A0%80", &[BadEncoding]),
        ("/a b", &[BadEncoding]),
        ("/grüße", &[BadEncoding]),
        ("/a;b", &[Parameters]),
        ("/a;v=1/b", &[Parameters]),
        ("/a;..", &[Parameters]),
        ("/a;/../b", &[DotSegments, Parameters]),
        (
            "/%zz/..%2f;",
            &[
                DotSegments,
                EncodedSlash,
                BadEncoding,
                Parameters,
                EmptySegments,
            ],
        ),
    ];
    for (target, kinds) in cases {
        match Path::parse(target) {
            Path::Ambiguous(found, _) => {
                assert_eq!(found, kinds.iter().copied().collect(), "{target}")
            }
            other => panic!("{target}: {other:?}"),
        }
    }
}

#[test]
fn paths_that_nothing_lets_through() {
    for target in [
        "",
        "*",
        "a",
        "a/b",
        "?x",
        "api.example:443",
        "http://api.example/a",
        "/a%00",
        "/a\0",
        "/%0d%0aX",
        "/a\r\nb",
        "/a\tb",
        "/%09",
        "/%7f",
        "/a\u{7f}",
        "/..%00",
        "/%1f",
        "/%C2%85",
    ] {
        assert_eq!(Path::parse(target), Path::Unreadable, "{target:?}");
    }
}

#[test]
fn what_is_let_through_stays_as_it_was_sent() {
    let Path::Ambiguous(found, raw) = Path::parse("/a%2Fb/c%20d/") else {
        panic!("is ambiguous")
    };
    assert_eq!(raw, ["a%2Fb", "c%20d"]);
    assert!(found.are_all_in([EncodedSlash, DotSegments].into_iter().collect()));
    assert!(!found.are_all_in([DotSegments].into_iter().collect()));
}
