//! The steps 14 to 19 of CONTRACT 4.1.1 at their limits and in their order.

use std::time::Duration;

use super::Validity;
use crate::jose::algorithm::Algorithm;
use crate::token::claim_name::ClaimName;
use crate::token::claims::{Audience, Claims};
use crate::token::error::{ClaimStep, TokenError};
use crate::token::numeric_date::{DateText, NotANumericDate, NumericDate};
use crate::token::requirements::{AbsentAudience, Audiences, Binding, Requirements};

fn requirements() -> Requirements {
    Requirements {
        algorithms: [Algorithm::Rs256].into_iter().collect(),
        audiences: Audiences::OneOf {
            accepted: vec!["a".into()],
            absent: AbsentAudience::Refuse,
        },
        token_types: ["JWT"].into_iter().collect(),
        clock_skew: Duration::from_secs(30),
        max_lifetime: Some(Duration::from_secs(100)),
        required_claims: vec![ClaimName::dotted("sub").expect("is a name")],
        audience_claims: vec![ClaimName::dotted("aud").expect("is a name")],
        scope_claims: vec![],
        claims: vec![],
        binding: Binding::Enforce,
    }
}

fn names(names: &[&str]) -> Vec<ClaimName> {
    names
        .iter()
        .map(|name| ClaimName::dotted(name).expect("is a name"))
        .collect()
}

fn judge(claims: &str, requirements: &Requirements) -> Result<(), TokenError> {
    let claims = Claims::parse(claims.as_bytes()).expect("are claims");
    Validity::judge(
        &claims,
        requirements,
        NumericDate::after_epoch(Duration::from_secs(1000)),
    )
    .map(|_| ())
}

#[test]
fn verification_steps_apply_in_order_and_exactly_at_their_limits() {
    use ClaimStep::{Expiry, IssuedAt, Lifetime, NotBefore};
    let sub = ClaimName::dotted("sub").expect("is a name");
    let cases: &[(&str, Result<(), TokenError>)] = &[
        (r#"{"exp":1050,"iat":950,"aud":"a","sub":"s"}"#, Ok(())),
        (
            r#"{"exp":970.01,"iat":950,"aud":["b","a"],"sub":"s"}"#,
            Ok(()),
        ),
        (
            r#"{"exp":970,"iat":950,"aud":"a","sub":"s"}"#,
            Err(TokenError::Expired),
        ),
        (
            r#"{"exp":1e999,"iat":950,"aud":"a"}"#,
            Err(TokenError::NotANumericDate(
                Expiry,
                NotANumericDate::OutOfRange,
            )),
        ),
        (
            r#"{"exp":"1050","iat":950,"aud":"a"}"#,
            Err(TokenError::NotANumericDate(
                Expiry,
                NotANumericDate::Text(DateText::new("1050")),
            )),
        ),
        (
            r#"{"exp":null,"iat":950,"aud":"a"}"#,
            Err(TokenError::MissingClaim(Expiry)),
        ),
        (
            r#"{"iat":2000,"nbf":"x"}"#,
            Err(TokenError::MissingClaim(Expiry)),
        ),
        (r#"{"exp":1,"nbf":"x"}"#, Err(TokenError::Expired)),
        (
            r#"{"exp":1050,"nbf":1030,"iat":1030,"aud":"a","sub":"s"}"#,
            Ok(()),
        ),
        (
            r#"{"exp":1050,"nbf":1030.5,"iat":[],"aud":"a"}"#,
            Err(TokenError::NotYetValid(NotBefore)),
        ),
        (
            r#"{"exp":1050,"nbf":null,"iat":1030.5,"aud":"z"}"#,
            Err(TokenError::NotYetValid(IssuedAt)),
        ),
        (
            r#"{"exp":1050,"nbf":{},"iat":1030.5}"#,
            Err(TokenError::NotANumericDate(
                NotBefore,
                NotANumericDate::WrongType,
            )),
        ),
        (
            r#"{"exp":1050,"iat":true,"aud":"z"}"#,
            Err(TokenError::NotANumericDate(
                IssuedAt,
                NotANumericDate::WrongType,
            )),
        ),
        (
            r#"{"exp":1050,"iat":949,"aud":"z"}"#,
            Err(TokenError::InvalidAudience),
        ),
        (
            r#"{"exp":1050,"iat":949}"#,
            Err(TokenError::InvalidAudience),
        ),
        (
            r#"{"exp":1050,"iat":949,"aud":[]}"#,
            Err(TokenError::InvalidAudience),
        ),
        (
            r#"{"exp":1050,"iat":949,"aud":"A"}"#,
            Err(TokenError::InvalidAudience),
        ),
        (
            r#"{"exp":1050,"iat":949,"aud":"a"}"#,
            Err(TokenError::MissingRequired(sub.clone())),
        ),
        (
            r#"{"exp":1050,"iat":949,"aud":"a","sub":""}"#,
            Err(TokenError::MissingRequired(sub.clone())),
        ),
        (
            r#"{"exp":1050,"iat":949,"aud":"a","sub":null}"#,
            Err(TokenError::MissingRequired(sub.clone())),
        ),
        (
            r#"{"exp":1050,"iat":949.9,"aud":"a","sub":"s"}"#,
            Err(TokenError::LifetimeTooLong),
        ),
        (
            r#"{"exp":1050,"aud":"a","sub":"s"}"#,
            Err(TokenError::MissingClaim(Lifetime)),
        ),
    ];
    for (claims, expected) in cases {
        assert_eq!(judge(claims, &requirements()), *expected, "{claims}");
    }
}

/// CONTRACT 3.5.3
#[test]
fn an_empty_audience_counts_as_absent_and_a_wrong_one_never_passes() {
    let accepting = |audience_claims: &[&str]| Requirements {
        audiences: Audiences::OneOf {
            accepted: vec!["a".into()],
            absent: AbsentAudience::Accept,
        },
        audience_claims: names(audience_claims),
        ..requirements()
    };
    let of = |audience: &str| {
        let audience = match audience {
            "" => String::new(),
            audience => format!(",{audience}"),
        };
        format!(r#"{{"exp":1050,"iat":950,"sub":"s"{audience}}}"#)
    };
    for absent in [
        "",
        r#""aud":null"#,
        r#""aud":[]"#,
        r#""aud":"""#,
        r#""aud":[""]"#,
    ] {
        assert_eq!(judge(&of(absent), &accepting(&["aud"])), Ok(()), "{absent}");
        assert_eq!(
            judge(&of(absent), &requirements()),
            Err(TokenError::InvalidAudience),
            "{absent}"
        );
    }
    for wrong in [
        r#""aud":"z""#,
        r#""aud":["","z"]"#,
        r#""aud":["",""]"#,
        r#""aud":" ""#,
    ] {
        assert_eq!(
            judge(&of(wrong), &accepting(&["aud"])),
            Err(TokenError::InvalidAudience),
            "{wrong}"
        );
    }
    let mut any = requirements();
    any.audiences = Audiences::Any;
    assert_eq!(judge(&of(r#""aud":"z""#), &any), Ok(()));
}

/// CONTRACT 3.5.3
#[test]
fn the_first_audience_claim_that_is_present_gives_the_audience() {
    let cases: &[(&[&str], &str, bool)] = &[
        (&["client_id"], r#""client_id":"a""#, true),
        (&["client_id"], r#""client_id":"z","aud":"a""#, false),
        (&["client_id"], r#""aud":"a""#, false),
        (&["aud", "client_id"], r#""client_id":"a""#, true),
        (&["aud", "client_id"], r#""client_id":"a","aud":"z""#, false),
        (&["aud", "azp"], r#""azp":"a","aud":null"#, true),
        (&["aud", "azp"], r#""azp":"a","aud":[]"#, true),
        (&["azp", "aud"], r#""azp":{},"aud":"a""#, false),
        (&["azp", "aud"], r#""azp":["b","a"]"#, true),
        (&["ext.audience"], r#""ext":{"audience":"a"}"#, true),
    ];
    for (claims, audience, is_accepted) in cases {
        let requirements = Requirements {
            audience_claims: names(claims),
            ..requirements()
        };
        let token = format!(r#"{{"exp":1050,"iat":950,"sub":"s",{audience}}}"#);
        let expected = match is_accepted {
            true => Ok(()),
            false => Err(TokenError::InvalidAudience),
        };
        assert_eq!(
            judge(&token, &requirements),
            expected,
            "{claims:?} {audience}"
        );
    }
}

/// The audiences that a rule compares are kept as ranges of the claims.
#[test]
fn the_kept_audiences_are_those_of_the_token_with_and_without_escapes() {
    let cases: &[(&str, &[&str])] = &[
        (r#"{"aud":"a"}"#, &["a"]),
        (r#"{"aud":"\u0061pi"}"#, &["api"]),
        (
            r#"{"z":"\n","aud":["a","\u0062\"","","ü"]}"#,
            &["a", "b\"", "", "ü"],
        ),
        // A claim of another type names no audience, and the next claim is not read.
        (r#"{"azp":{"a":"b"},"aud":["c"]}"#, &[]),
    ];
    for (text, expected) in cases {
        let claims = Claims::parse(text.as_bytes()).expect("are claims");
        let Audience::Named(named) = claims.audience(&names(&["azp", "aud"])) else {
            panic!("{text} has an audience");
        };
        let kept: Vec<&str> = named.ranges().map(|range| claims.text_in(range)).collect();
        assert_eq!(kept, *expected, "{text}");
        assert_eq!(named.texts().collect::<Vec<_>>(), *expected, "{text}");
    }
}
