//! The token is removed from every source that carries it.

use super::TokenRemoval;
use crate::authn::extraction_error::AmbiguousCredential;
use crate::authn::sources::TokenSources;
use crate::authn::token_source::TokenSource;
use crate::request::{ClientCertificate, Completeness, Headers, Request};

fn removal(path: &str, headers: &[(&str, &[u8])]) -> TokenRemoval {
    attempt(path, headers).expect("the token can be removed")
}

fn attempt(path: &str, headers: &[(&str, &[u8])]) -> Result<TokenRemoval, AmbiguousCredential> {
    let sources = TokenSources::new(vec![
        TokenSource::Scheme {
            header: "authorization".into(),
            scheme: "Bearer".into(),
        },
        TokenSource::Header("x-token".into()),
        TokenSource::Cookie("s".into()),
        TokenSource::Cookie("t".into()),
        TokenSource::Query("q".into()),
        TokenSource::Query("r".into()),
        TokenSource::Protocol("bearer".into()),
        TokenSource::Protocol("jwt".into()),
    ]);
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
    let credential = sources.extract(&request).expect("one").expect("a token");
    TokenRemoval::of(&credential, &request)
}

#[test]
fn the_token_is_removed_from_several_sources_of_each_kind() {
    let all = removal(
        "/p?q=a.b.c&x=1&r=a.b.c&q=a.b.c",
        &[
            ("authorization", b"Bearer a.b.c"),
            ("x-token", b"a.b.c"),
            ("cookie", b"s=a.b.c; x=1; t=a.b.c; s=\"a.b.c\"; y=\xff"),
            ("sec-websocket-protocol", b"bearer, a.b.c, chat, jwt.a.b.c"),
        ],
    );
    assert_eq!(all.remove, ["authorization", "x-token"]);
    assert_eq!(
        all.set,
        [
            ("cookie", "x=1".to_owned()),
            ("sec-websocket-protocol", "chat".to_owned()),
            (":path", "/p?x=1".to_owned())
        ]
    );
    assert_eq!(all.dropped_cookies, 1);
}

#[test]
fn a_header_that_contains_only_the_token_is_removed() {
    let all = removal(
        "/p",
        &[
            ("cookie", b"t=a.b.c; s=a.b.c"),
            ("sec-websocket-protocol", b"bearer.a.b.c"),
        ],
    );
    assert_eq!(all.remove, ["cookie", "sec-websocket-protocol"]);
    assert_eq!((all.set, all.dropped_cookies), (vec![], 0));
}

/// Envoy shows bytes outside ASCII as `!` in the path of the message, and forwards the original bytes.
#[test]
fn a_query_loses_the_token_and_keeps_the_bytes_that_the_proxy_hides() {
    let raw = |target: &'static [u8]| [(":path", target)];
    let path_of = |removal: TokenRemoval| removal.set;
    let kept = removal("/a!!?x=!!&q=a.b.c", &raw("/aé?x=é&q=a.b.c".as_bytes()));
    assert_eq!(path_of(kept), [(":path", "/aé?x=é".to_owned())]);
    let kept = removal("/a!?q=a.b.c&x=!", &raw(b"/a!?q=a.b.c&x=!"));
    assert_eq!(path_of(kept), [(":path", "/a!?x=!".to_owned())]);
    // An answer carries text, so these bytes could not stay.
    for (shown, target) in [
        ("/a!?q=a.b.c", &b"/a\xff?q=a.b.c"[..]),
        ("/a?q=a.b.c&x=!", b"/a?q=a.b.c&x=\xc3"),
    ] {
        let refused = attempt(shown, &[(":path", target)]);
        assert_eq!(
            refused,
            Err(AmbiguousCredential::UnremovableToken),
            "{shown}"
        );
    }
    // Without a token in the query, the path is not rewritten.
    let kept = removal("/a!", &[(":path", b"/a\xff"), ("x-token", b"a.b.c")]);
    assert_eq!(path_of(kept), []);
}
