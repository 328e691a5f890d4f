//! The token is removed from every source that carries it.

use super::TokenRemoval;
use crate::authn::sources::{TokenSource, TokenSources};
use crate::request::{Completeness, Headers, Request};

/// The removal, and how many cookies it drops.
fn removal(path: &str, headers: &[(&str, &[u8])]) -> (TokenRemoval, u64) {
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
        context: vec![],
    };
    let credential = sources.extract(&request).expect("one").expect("a token");
    let removal = TokenRemoval::of(&credential, &request);
    (removal, sources.dropped_cookies().count())
}

#[test]
fn the_token_is_removed_from_several_sources_of_each_kind() {
    let (all, dropped) = removal(
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
    assert_eq!(dropped, 1);
}

#[test]
fn a_header_that_contains_only_the_token_is_removed() {
    let (all, dropped) = removal(
        "/p",
        &[
            ("cookie", b"t=a.b.c; s=a.b.c"),
            ("sec-websocket-protocol", b"bearer.a.b.c"),
        ],
    );
    assert_eq!(all.remove, ["cookie", "sec-websocket-protocol"]);
    assert_eq!((all.set, dropped), (vec![], 0));
}
