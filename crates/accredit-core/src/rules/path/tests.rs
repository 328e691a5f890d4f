//! Paths with their interpretation or their kinds. docs/paths.md shows what Envoy does with them.

use super::{Ambiguity, Path};
use Ambiguity::{
    Backslash, BadEncoding, DotSegments, DoubleEncoding, EmptySegments, EncodedDelimiter,
    EncodedSlash, Parameters,
};

#[test]
fn unambiguous_paths_are_normalised() {
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
        let segments = segments.iter().map(|segment| (*segment).into()).collect();
        assert_eq!(
            Path::parse(target.as_bytes()),
            Path::Plain(segments),
            "{target}"
        );
    }
}

#[test]
fn ambiguous_paths_are_recognised_with_their_kinds() {
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
        ("/a/..%3f", &[DotSegments, EncodedDelimiter]),
        ("/a/..%23x", &[DotSegments, EncodedDelimiter]),
        ("/a/..#", &[DotSegments, EncodedDelimiter]),
        ("/a;x/%ff", &[Parameters, BadEncoding]),
        ("/%ff%zz/..%2f", &[BadEncoding, DotSegments, EncodedSlash]),
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
        ("/%252e%252e/a", &[DotSegments, DoubleEncoding]),
        ("/a/%25%32e", &[DotSegments, DoubleEncoding]),
        ("/a/%2e%252e;/b", &[DotSegments, DoubleEncoding, Parameters]),
        ("/a%252Fb", &[DoubleEncoding, EncodedSlash]),
        ("/a%255cb", &[DoubleEncoding, Backslash]),
        ("/a%253fb", &[DoubleEncoding, EncodedDelimiter]),
        ("/100%25%20x%3F", &[DoubleEncoding, EncodedDelimiter]),
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
        match Path::parse(target.as_bytes()) {
            Path::Ambiguous(found, _) => {
                assert_eq!(found, kinds.iter().copied().collect(), "{target}")
            }
            other => panic!("{target}: {other:?}"),
        }
    }
}

#[test]
fn paths_without_any_safe_interpretation_cannot_be_permitted() {
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
        "/a\u{85}",
        "/%ff%C2%85",
        "/%zz%C2%9f",
        "/%2500",
        "/%25C2%2585",
    ] {
        assert_eq!(
            Path::parse(target.as_bytes()),
            Path::Unreadable,
            "{target:?}"
        );
    }
}

#[test]
fn the_segments_of_an_ambiguous_path_are_not_decoded() {
    let Path::Ambiguous(found, raw) = Path::parse(b"/a%2Fb/c%20d/") else {
        panic!("is ambiguous")
    };
    assert_eq!(raw, ["a%2Fb", "c%20d"]);
    assert!(found.are_all_in([EncodedSlash, DotSegments].into_iter().collect()));
    assert!(!found.are_all_in([DotSegments].into_iter().collect()));
}

#[test]
fn a_path_that_envoy_sends_in_two_forms_has_the_kinds_of_both() {
    let kinds = |shown: &[u8], raw: &'static [u8]| match Path::parse_differing(shown, raw) {
        Path::Ambiguous(kinds, segments) => Some((kinds.iter().collect::<Vec<_>>(), segments)),
        _ => None,
    };
    let of = |kinds: &[Ambiguity], segments: &[&str]| {
        Some((
            kinds.to_vec(),
            segments
                .iter()
                .map(|segment| (*segment).to_owned().into())
                .collect(),
        ))
    };
    assert_eq!(kinds(b"/a!", b"/a\xff"), of(&[BadEncoding], &["a\u{fffd}"]));
    assert_eq!(
        kinds(b"/a;x/!", b"/a;x/\xff"),
        of(&[BadEncoding, Parameters], &["a;x", "\u{fffd}"])
    );
    assert_eq!(
        kinds(b"/..", b"/b"),
        of(&[DotSegments, BadEncoding], &["b"])
    );
    assert_eq!(kinds(b"/a!!", b"/a\xc2\x85"), None);
    assert_eq!(kinds(b"*", b"/a"), None);
}

/// CONTRACT 3.10.4: every kind that a path has must be named, so the parser must find every kind, whatever stands
/// beside it. Held against a detector that looks for each kind alone, by rewriting the text.
#[test]
fn the_path_parser_finds_the_kinds_that_independent_detectors_find() {
    let parts: &[&[u8]] = &[
        b"/",
        b"/",
        b"/",
        b".",
        b".",
        b"..",
        b"a",
        b"%2e",
        b"%2E",
        b"%2f",
        b"%5C",
        b"\\",
        b";",
        b"x=1",
        b"#",
        b"%3b",
        b"%3F",
        b"%23",
        b"%25",
        b"%252e",
        b"%252F",
        b"%253b",
        b"%25zz",
        b"%",
        b"%2",
        b"%zz",
        b" ",
        b"%20",
        b"\xff",
        b"%ff",
        b"%C3%BC",
        b"\xc3\xbc",
        b"%C3",
        b"%BC",
        b"~",
        b"%255c",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    for _ in 0..30_000 {
        let mut path = b"/".to_vec();
        for _ in 0..next(9) {
            path.extend_from_slice(parts[next(parts.len())]);
        }
        let found = match Path::parse(&path) {
            Path::Plain(_) => Vec::new(),
            Path::Ambiguous(kinds, _) => kinds.iter().collect(),
            Path::Unreadable => panic!("{:?}", String::from_utf8_lossy(&path)),
        };
        let expected: Vec<_> = Ambiguity::ALL
            .into_iter()
            .filter(|kind| naive::has(*kind, &path))
            .collect();
        assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(&path));
    }
}

mod naive;
