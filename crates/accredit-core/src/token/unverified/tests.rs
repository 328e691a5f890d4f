//! Which texts are well-formed tokens, and the cause for each one that is not.

use super::UnverifiedToken;
use crate::jose::base64url::encode;
use crate::token::bearer::BearerToken;
use crate::token::error::TokenError;

fn with_token<T>(token: &str, read: impl FnOnce(UnverifiedToken<'_>) -> T) -> Result<T, String> {
    BearerToken::new(token.as_bytes(), 1024)
        .map_err(TokenError::from)
        .and_then(UnverifiedToken::parse)
        .map(read)
        .map_err(|error| error.cause().expect("has a cause"))
}

fn cause(token: &str) -> Result<(), String> {
    with_token(token, |_| ())
}

fn token(header: &str, payload: &str) -> String {
    format!(
        "{}.{}.AAAA",
        encode(header.as_bytes()),
        encode(payload.as_bytes())
    )
}

#[test]
fn well_formed_tokens_are_parsed() {
    let header = r#"{"alg":"RS256","kid":"k","typ":"JWT","jku":"https://evil.example","jwk":{}}"#;
    let unsecured = format!("{}.{}.", encode(br#"{"alg":"none"}"#), encode(b"{}"));
    for token in [
        token(header, r#"{"iss":"i","aud":["a"],"cnf":{}}"#),
        // The form permits an empty signature. `alg` refuses it.
        unsecured,
        token(header, r#"{"aud":[]}"#),
        token(header, r#"{"aud":""}"#),
    ] {
        assert_eq!(cause(&token), Ok(()), "{token}");
    }
}

/// CONTRACT 4.4.2
#[test]
fn a_null_member_and_an_empty_kid_count_as_absent() {
    for key_id in ["null", r#""""#] {
        let header = format!(r#"{{"alg":"RS256","kid":{key_id},"typ":null}}"#);
        let claims = r#"{"iss":null,"aud":null,"cnf":null,"exp":null}"#;
        let absent = with_token(&token(&header, claims), |token| {
            let claims = token.claims();
            token.key_id().is_none()
                && token.token_type().is_none()
                && claims.issuer().is_none()
                && claims.aud().is_empty()
                && !claims.has_confirmation()
                && claims.date("exp") == Ok(None)
        });
        assert_eq!(absent, Ok(true), "{header}");
    }
}

#[test]
fn the_error_of_a_malformed_token_header_names_the_cause() {
    let twice = "the header has a member twice";
    for (header, expected) in [
        ("", "the header cannot be read: it is empty"),
        ("null", "the header is not a JSON object"),
        ("[]", "the header is not a JSON object"),
        ("{}", "the header has no `alg`"),
        (r#"{"alg":null}"#, "the header has no `alg`"),
        (r#"{"alg":1}"#, "`alg` in the header is not a string"),
        (
            r#"{"alg":"RS256","alg":"RS256"}"#,
            "the header has `alg` twice",
        ),
        (r#"{"alg":"RS256","own":1,"own":2}"#, twice),
        (
            r#"{"alg":"RS256","kid":1}"#,
            "`kid` in the header is not a string",
        ),
        (
            r#"{"alg":"RS256","typ":[]}"#,
            "`typ` in the header is not a string",
        ),
        (r#"{"alg":"RS256","crit":null}"#, "the header has `crit`, "),
        (
            r#"{"alg":"RS256","crit":["exp"]}"#,
            "the header has `crit`, ",
        ),
        (r#"{"alg":"RS256","b64":null}"#, "the header has `b64`, "),
        (r#"{"alg":"RS256","jwk":{"a":1,"a":1}}"#, twice),
        (
            r#"{"alg":"RS256"} x"#,
            "the header cannot be read: something follows the JSON value at offset 16",
        ),
        (
            "\u{feff}{\"alg\":\"RS256\"}",
            "the header cannot be read: it begins with a byte-order mark",
        ),
    ] {
        let cause = cause(&token(header, "{}")).expect_err(header);
        assert!(cause.starts_with(expected), "{header}: {cause}");
    }
}

#[test]
fn the_error_of_malformed_claims_names_the_cause() {
    let aud = "`aud` in the claims set is not a string or an array of strings";
    for (payload, expected) in [
        ("", "the claims set cannot be read: it is empty"),
        ("1", "the claims set is not a JSON object"),
        (r#"{"iss":1}"#, "`iss` in the claims set is not a string"),
        (r#"{"aud":1}"#, aud),
        (r#"{"aud":[1]}"#, aud),
        (r#"{"aud":["a",null]}"#, aud),
        (r#"{"aud":{}}"#, aud),
        (r#"{"cnf":"x"}"#, "`cnf` in the claims set is not an object"),
        (
            r#"{"exp":1,"sub":"s","exp":2}"#,
            "the claims set has `exp` twice",
        ),
        (
            r#"{"a":{"b":1,"b":1}}"#,
            "the claims set has a member twice",
        ),
        (
            "{}{}",
            "the claims set cannot be read: something follows the JSON value at offset 2",
        ),
        (
            "{'sub':1}",
            "the claims set cannot be read: it is not JSON at offset 1",
        ),
    ] {
        let cause = cause(&token(r#"{"alg":"RS256"}"#, payload)).expect_err(payload);
        assert_eq!(cause, expected, "{payload}");
    }
}

#[test]
fn the_error_of_a_text_that_is_no_jwt_names_the_cause() {
    let good = token(r#"{"alg":"RS256"}"#, "{}");
    for (bad, expected) in [
        (String::new(), "the token has no dots"),
        (".".into(), "the token has 2 parts"),
        ("...".into(), "the token has 4 parts"),
        (
            "a.b.c.d.e".into(),
            "the token has 5 parts: it is an encrypted JWT",
        ),
        ("..".into(), "the header cannot be read: it is empty"),
        (
            format!("{good}="),
            "the signature is not base64url: it ends with the padding",
        ),
        (format!("{good}.AAAA"), "the token has 4 parts"),
        (format!(".{good}"), "the token has 4 parts"),
        (
            good.replace("AAAA", "AB"),
            "the signature is not base64url: it is not the encoding of whole bytes",
        ),
        (
            good.replace("AAAA", "A+A/"),
            "the signature is not base64url: it has `+` or `/`",
        ),
        (
            format!("{good}\n"),
            "the signature is not base64url: it has a character that is not base64url at offset 4",
        ),
        (
            format!(" {good}"),
            "the header is not base64url: it has a character that is not base64url at offset 0",
        ),
        (good.replace('.', ","), "the token has no dots"),
        (
            format!("Bearer {good}"),
            "the token begins with the word `Bearer`",
        ),
        (
            format!("\"{good}\""),
            "the token is enclosed in quotation marks",
        ),
        (
            format!("{good}\u{e9}"),
            "the token has a byte outside ASCII at offset ",
        ),
        (
            "a".repeat(1025),
            "the token has 1025 bytes; max_token_size is 1024",
        ),
    ] {
        let cause = cause(&bad).expect_err(&bad);
        assert!(cause.starts_with(expected), "{bad}: {cause}");
    }
}
