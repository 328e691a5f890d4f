//! Tokens in compact form: accredit accepts a text exactly if another reading of CONTRACT 4.4.1 does, and reads the same.

use accredit_core::token::bearer::BearerToken;
use accredit_core::token::unverified::UnverifiedToken;

use super::base64_oracle::{decode, encode};
use super::json_oracle::{MAX_DEPTH, Reading, Tree, read};

const MAX_SIZE: usize = 16 * 1024;

/// The last second of the year 9999.
const LATEST: f64 = 253_402_300_799.0;

/// Whether the token is accepted. The first byte says what the others are: with 0 a token; with 1 its header, claims and
/// signature on a line each, which are encoded; with 2 the same, of which one character is replaced.
pub fn check(input: &[u8]) -> bool {
    let Some((kind, rest)) = input.split_first() else {
        return judge(input);
    };
    match kind % 3 {
        0 => judge(rest),
        1 => judge(&encoded(rest)),
        _ => {
            let Some(([high, low, character], rest)) = rest.split_first_chunk() else {
                return judge(rest);
            };
            let mut token = encoded(rest);
            let at = usize::from(u16::from_be_bytes([*high, *low])) % token.len();
            token[at] = *character;
            judge(&token)
        }
    }
}

fn encoded(lines: &[u8]) -> Vec<u8> {
    let mut lines = lines.splitn(3, |byte| *byte == b'\n').map(encode);
    let mut line = || lines.next().unwrap_or_default();
    format!("{}.{}.{}", line(), line(), line()).into_bytes()
}

/// What the text says, by a reading that shares nothing with accredit's.
enum Expected<'a> {
    Token {
        parts: [&'a str; 3],
        header: Tree,
        claims: Tree,
        payload: Vec<u8>,
    },
    /// The values cannot be compared: a number is outside the range of a double.
    Unknown,
    Malformed,
}

fn judge(token: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(token);
    let bearer = BearerToken::new(token, MAX_SIZE);
    let is_bearer = token.len() <= MAX_SIZE && token.is_ascii();
    assert_eq!(bearer.is_ok(), is_bearer, "{shown}");
    let Ok(bearer) = bearer else {
        return false;
    };
    assert_eq!(bearer.expose(), token);
    let parsed = UnverifiedToken::parse(bearer);
    match (expected(bearer.expose_text()), &parsed) {
        (
            Expected::Token {
                parts,
                header,
                claims,
                payload,
            },
            Ok(own),
        ) => {
            assert_eq!(
                own.signing_input(),
                format!("{}.{}", parts[0], parts[1]).as_bytes()
            );
            assert_eq!(encode(own.signature()), parts[2]);
            assert_eq!(own.claims().payload().as_bytes(), payload);
            same(own, &header, &claims);
        }
        (Expected::Malformed, Ok(_)) => panic!("only accredit accepts {shown}"),
        (Expected::Token { .. }, Err(error)) => panic!("{error}: {shown}"),
        (Expected::Malformed, Err(error)) => {
            let cause = error.cause().expect("a malformed token has a cause");
            assert!(!cause.is_empty() && !cause.contains('\n'), "{cause:?}");
        }
        (Expected::Unknown, _) => {}
    }
    parsed.is_ok()
}

fn expected(token: &str) -> Expected<'_> {
    let parts: Vec<&str> = token.split('.').collect();
    let Ok(parts) = <[&str; 3]>::try_from(parts) else {
        return Expected::Malformed;
    };
    let [Some(header), Some(payload), Some(_)] = parts.map(decode) else {
        return Expected::Malformed;
    };
    let (header, claims) = match (read(&header), read(&payload)) {
        (Reading::Json(header), Reading::Json(claims)) => (header, claims),
        (Reading::NotJson, _) | (_, Reading::NotJson) => return Expected::Malformed,
        _ => return Expected::Unknown,
    };
    let is_object = |tree: &Tree| {
        matches!(tree, Tree::Object(_)) && !tree.has_duplicates() && tree.depth() <= MAX_DEPTH
    };
    let is_text = |value: &Tree| value.text().is_some();
    let has = |name: &str| matches!(&header, Tree::Object(members) if members.iter().any(|(own, _)| own == name));
    let is_well_formed = is_object(&header)
        && is_object(&claims)
        && !has("crit")
        && !has("b64")
        && header.get("alg").is_some_and(is_text)
        && ["kid", "typ"]
            .into_iter()
            .all(|name| header.get(name).is_none_or(is_text))
        && claims.get("iss").is_none_or(is_text)
        && claims
            .get("cnf")
            .is_none_or(|cnf| matches!(cnf, Tree::Object(_)))
        && claims.get("aud").is_none_or(|aud| audiences(aud).is_some());
    if is_well_formed {
        Expected::Token {
            parts,
            header,
            claims,
            payload,
        }
    } else {
        Expected::Malformed
    }
}

fn audiences(aud: &Tree) -> Option<Vec<&str>> {
    match aud {
        Tree::Text(one) => Some(vec![one]),
        Tree::List(many) => many.iter().map(Tree::text).collect(),
        _ => None,
    }
}

fn same(own: &UnverifiedToken<'_>, header: &Tree, claims: &Tree) {
    let text = |name| header.get(name).and_then(Tree::text);
    assert_eq!(Some(own.algorithm()), text("alg"));
    assert_eq!(
        own.key_id(),
        text("kid").filter(|key_id| !key_id.is_empty())
    );
    assert_eq!(own.token_type(), text("typ"));
    let read = own.claims();
    assert_eq!(read.issuer(), claims.get("iss").and_then(Tree::text));
    assert_eq!(read.has_confirmation(), claims.get("cnf").is_some());
    let aud = claims.get("aud").and_then(audiences).unwrap_or_default();
    assert_eq!(read.aud(), aud);
    let Tree::Object(members) = claims else {
        panic!("claims are an object");
    };
    assert_eq!(members.len(), read.object().iter().count());
    for ((name, value), (own_name, own)) in members.iter().zip(read.object().iter()) {
        assert_eq!(name, own_name);
        assert!(value.is_same(own), "{name}");
    }
    for name in ["exp", "nbf", "iat"] {
        let date = read.date(name);
        match claims.get(name) {
            None => assert_eq!(date, Ok(None)),
            Some(Tree::Number(seconds)) if (0.0..=LATEST).contains(seconds) => {
                assert!(date.is_ok_and(|date| date.is_some()), "{name} {seconds}");
            }
            // serde_json reads long numbers with an error of some units in the last place.
            Some(Tree::Number(seconds)) if (seconds - LATEST).abs() < 0.01 => {}
            Some(value) => assert!(date.is_err(), "{name} {value:?}"),
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let header = r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#;
    let claims = r#"{"iss":"https://a.example","aud":["api"],"exp":1764403200.5,"iat":1,"nbf":0,"sub":"s","cnf":{"jkt":"x"}}"#;
    let token = |header: &str, claims: &str| {
        format!(
            "{}.{}.AAAA",
            encode(header.as_bytes()),
            encode(claims.as_bytes())
        )
    };
    let whole = |token: String| [b"\0", token.as_bytes()].concat();
    let lines =
        |header: &str, claims: &str| format!("\u{1}{header}\n{claims}\nsignature").into_bytes();
    vec![
        whole(token(header, claims)),
        whole(format!("Bearer {}", token(header, claims))),
        whole("a.b.c.d.e".to_owned()),
        lines(header, claims),
        lines(r#"{"alg":"none"}"#, "{}"),
        lines(r#"{"alg":"RS256","crit":["exp"]}"#, claims),
        lines(r#"{"alg":"RS256","b64":false,"jwk":{"kty":"oct"}}"#, claims),
        lines(
            r#"{"alg":"RS256","kid":"","typ":null}"#,
            r#"{"iss":null,"aud":"a","exp":1e400}"#,
        ),
        lines(
            header,
            r#"{"iss":1,"aud":[1],"cnf":"x","exp":"1","nbf":-1,"iat":253402300800}"#,
        ),
        lines(header, r#"{"a":{"b":1,"\u0062":1}}"#),
        [b"\x02\x00\x10=", lines(header, claims).as_slice()].concat(),
    ]
}
