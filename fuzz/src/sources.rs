//! Where a token is in a request: it is found in a configured source only, and removing it leaves no copy that accredit or a
//! more careless reader would find.

use super::careless_reader::{Header, readings, trimmed};
use super::choices::Choices;
use accredit_core::authn::extraction_error::ExtractionError;
use accredit_core::authn::removal::TokenRemoval;
use accredit_core::authn::sources::TokenSources;
use accredit_core::authn::token_source::TokenSource;
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};

const TOKENS: &[&str] = &[
    "eyJh.b.c",
    "eyJh.b.d",
    "a.b.c",
    "eyJh.b.c,",
    "\"eyJh.b.c\"",
    "eyJh%2Eb.c",
    "eyJh.b",
    "",
    " ",
];

const WORDS: &[&str] = &[
    "Bearer ",
    "bearer",
    "Token ",
    "\t",
    " ",
    ",",
    ";",
    "; ",
    "=",
    "\"",
    "&",
    "%",
    "%74",
    "session=",
    "id=",
    "t=",
    "access_token=",
    "eyJh.b.c",
    "eyJh.b.d",
    "a.b.c",
    "!",
    "bearer, ",
    "bearer.",
    "#",
    "?",
    "\u{e9}",
];

/// Whether a token is found.
pub fn check(input: &[u8]) -> bool {
    let mut choices = Choices::new(input);
    let sources = sources(&mut choices);
    let path = path(&mut choices);
    let headers: Vec<Header> = (0..1 + choices.below(4))
        .map(|_| header(&mut choices))
        .collect();
    let own = TokenSources::new(sources.clone());
    let found = with_request(&path, &headers, |request| {
        let found = own.extract(request)?.map(|credential| {
            assert!(!credential.sources.is_empty());
            let token = credential.bearer.expose_text().to_owned();
            // It refuses a request whose other parts hide a token.
            TokenRemoval::of(&credential, request).map(|removal| (token, removal))
        });
        Ok::<_, ExtractionError>(found.transpose()?)
    });
    let Ok(Some((token, removal))) = found else {
        return false;
    };
    assert!(!token.is_empty());
    // Only a verified token is removed.
    if !is_compact_jws(&token) {
        return false;
    }
    assert!(
        sources
            .iter()
            .any(|source| readings(source, &path, &headers).contains(&token.clone().into_bytes())),
        "{token} is in none of {sources:?}: {path} {headers:?}"
    );
    let (path_left, headers_left) = apply(&removal, &path, &headers);
    for source in &sources {
        assert!(
            !readings(source, &path_left, &headers_left).contains(&token.clone().into_bytes()),
            "{token} is left in {source:?}: {path} {headers:?} became {path_left} {headers_left:?}"
        );
    }
    let again = with_request(&path_left, &headers_left, |request| {
        own.extract(request)
            .map(|found| found.map(|credential| credential.bearer.expose_text().to_owned()))
    });
    assert_ne!(
        again.as_ref().ok().and_then(Option::as_ref),
        Some(&token),
        "{path} {headers:?}"
    );
    unrelated_parts_stay(
        &sources,
        &token,
        (&path, &headers),
        (&path_left, &headers_left),
    );
    true
}

fn is_compact_jws(token: &str) -> bool {
    let is_base64url = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    token.split('.').count() == 3 && token.split('.').all(is_base64url)
}

fn with_request<T>(path: &str, headers: &[Header], read: impl FnOnce(&Request<'_>) -> T) -> T {
    let entries = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()));
    read(&Request {
        method: "GET",
        host: "a.example",
        path,
        headers: Headers::new(entries, Completeness::Complete),
        source_address: "",
        source_principal: "",
        source_certificate: ClientCertificate::Absent,
        scheme: "https",
        context: Vec::new(),
        trace: None,
    })
}

fn sources(choices: &mut Choices<'_>) -> Vec<TokenSource> {
    let all = || {
        let scheme = |header: &str, scheme: &str| TokenSource::Scheme {
            header: header.to_owned(),
            scheme: scheme.to_owned(),
        };
        vec![
            scheme("authorization", "Bearer"),
            scheme("x-auth", "Token"),
            TokenSource::Header("x-api-token".to_owned()),
            TokenSource::Cookie("session".to_owned()),
            TokenSource::Cookie("id".to_owned()),
            TokenSource::Query("access_token".to_owned()),
            TokenSource::Query("t".to_owned()),
            TokenSource::Protocol("bearer".to_owned()),
        ]
    };
    match choices.below(3) {
        0 => all(),
        1 => vec![all().swap_remove(choices.below(8))],
        _ => all().into_iter().filter(|_| choices.one_in(2)).collect(),
    }
}

fn path(choices: &mut Choices<'_>) -> String {
    let mut path = b"/p".to_vec();
    if choices.one_in(2) {
        let parameters: Vec<String> = (0..=choices.below(3))
            .map(|_| {
                format!(
                    "{}{}",
                    choices.pick(&["access_token=", "t=", "%74=", "x=", "", "T="]),
                    choices.pick(TOKENS)
                )
            })
            .collect();
        path.extend(format!("?{}", parameters.join("&")).bytes());
    }
    if choices.one_in(3) {
        choices.edit(&mut path, WORDS);
    }
    String::from_utf8_lossy(&path).into_owned()
}

fn header(choices: &mut Choices<'_>) -> Header {
    let name = choices.pick(&[
        "authorization",
        "cookie",
        "x-auth",
        "x-api-token",
        "sec-websocket-protocol",
        "Cookie",
        "x-other",
    ]);
    let token = choices.pick(TOKENS);
    let value = match name {
        "authorization" => format!(
            "{}{token}",
            choices.pick(&["Bearer ", "bearer  ", "Bearer\t", "Basic ", "", "Bearer"])
        ),
        "x-auth" => format!("{}{token}", choices.pick(&["Token ", "token", "Bearer "])),
        "sec-websocket-protocol" => {
            let lists = [
                format!("bearer, {token}"),
                format!("bearer.{token}"),
                format!("chat, bearer.{token}, bearer, x"),
                format!("bearer,bearer,{token}"),
            ];
            lists[choices.below(4)].clone()
        }
        "cookie" | "Cookie" => {
            let cookies: Vec<String> = (0..=choices.below(4))
                .map(|_| {
                    format!(
                        "{}{}",
                        choices.pick(&[
                            "session=",
                            "id=",
                            "x=",
                            "",
                            "session",
                            "session = ",
                            "Session="
                        ]),
                        choices.pick(TOKENS)
                    )
                })
                .collect();
            cookies.join(choices.pick(&["; ", ";", ",", ", ", ";;"]))
        }
        _ => token.to_owned(),
    };
    let mut value = value.into_bytes();
    if choices.one_in(3) {
        choices.edit(&mut value, WORDS);
    }
    (name.to_owned(), value)
}

/// What Envoy makes of the request.
fn apply(removal: &TokenRemoval, path: &str, headers: &[Header]) -> (String, Vec<Header>) {
    let mut path = path.to_owned();
    let mut left: Vec<Header> = headers
        .iter()
        .filter(|(name, _)| !removal.remove.contains(&name.to_ascii_lowercase()))
        .cloned()
        .collect();
    for (name, value) in &removal.set {
        assert!(
            !removal.remove.iter().any(|removed| removed == name),
            "{name} is set and removed"
        );
        if *name == ":path" {
            path.clone_from(value);
        } else {
            assert!(
                !value.chars().any(|c| c.is_control() && c != '\t'),
                "{value:?}"
            );
            left.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
            left.push(((*name).to_owned(), value.clone().into_bytes()));
        }
    }
    (path, left)
}

/// Other headers, cookies and parameters keep their bytes.
fn unrelated_parts_stay(
    sources: &[TokenSource],
    token: &str,
    before: (&str, &[Header]),
    after: (&str, &[Header]),
) {
    let is_source = |name: &str| sources.iter().any(|source| source.header() == Some(name));
    for (name, value) in before.1 {
        let name = name.to_ascii_lowercase();
        if !is_source(&name) && name != "cookie" {
            assert!(
                after
                    .1
                    .iter()
                    .any(|(own, left)| own.eq_ignore_ascii_case(&name) && left == value),
                "{name} was lost"
            );
        }
    }
    let cookies = |headers: &[Header]| -> Vec<Vec<u8>> {
        let values = headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        let cookies = values.flat_map(|(_, value)| value.split(|byte| b";,".contains(byte)));
        cookies.map(|cookie| trimmed(cookie).to_vec()).collect()
    };
    let left = cookies(after.1);
    for cookie in cookies(before.1) {
        let has_token = cookie
            .windows(token.len())
            .any(|part| part == token.as_bytes());
        let is_expressible =
            std::str::from_utf8(&cookie).is_ok_and(|text| !text.chars().any(char::is_control));
        if is_expressible && !has_token && !cookie.is_empty() {
            assert!(
                left.contains(&cookie),
                "{} was lost",
                String::from_utf8_lossy(&cookie)
            );
        }
    }
    let parameters = |path: &str| {
        path.split(['?', '&'])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let left = parameters(after.0);
    for parameter in parameters(before.0) {
        assert!(
            parameter.contains(token) || left.contains(&parameter),
            "{parameter} was lost"
        );
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0; 40]];
    for choice in [1_u8, 3, 7, 29, 53, 85, 113, 170, 201, 251] {
        seeds.push((0..120_u8).map(|at| at.wrapping_mul(choice)).collect());
    }
    seeds
}
