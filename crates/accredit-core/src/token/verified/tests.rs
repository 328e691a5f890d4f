//! Each demand at its edge and in its order.

use std::time::Duration;

use super::Validity;
use crate::jose::algorithm::Algorithm;
use crate::token::claim_name::ClaimName;
use crate::token::claims::Claims;
use crate::token::error::{ClaimStep, TokenError};
use crate::token::numeric_date::NumericDate;
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
        scope_claims: vec![],
        binding: Binding::Enforce,
    }
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
fn each_demand_at_its_edge_and_in_its_order() {
    use ClaimStep::{Expiry, IssuedAt, Lifetime, NotBefore, Required};
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
            Err(TokenError::NotANumericDate(Expiry)),
        ),
        (
            r#"{"exp":"1050","iat":950,"aud":"a"}"#,
            Err(TokenError::NotANumericDate(Expiry)),
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
            Err(TokenError::NotANumericDate(NotBefore)),
        ),
        (
            r#"{"exp":1050,"iat":true,"aud":"z"}"#,
            Err(TokenError::NotANumericDate(IssuedAt)),
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
            Err(TokenError::MissingClaim(Required)),
        ),
        (
            r#"{"exp":1050,"iat":949,"aud":"a","sub":""}"#,
            Err(TokenError::MissingClaim(Required)),
        ),
        (
            r#"{"exp":1050,"iat":949,"aud":"a","sub":null}"#,
            Err(TokenError::MissingClaim(Required)),
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

#[test]
fn an_absent_audience_passes_only_where_it_may_and_an_empty_one_never() {
    let mut accepting = requirements();
    accepting.audiences = Audiences::OneOf {
        accepted: vec!["a".into()],
        absent: AbsentAudience::Accept,
    };
    assert_eq!(
        judge(r#"{"exp":1050,"iat":950,"sub":"s"}"#, &accepting),
        Ok(())
    );
    for audience in ["\"z\"", "[]", "\"\""] {
        let claims = format!(r#"{{"exp":1050,"iat":950,"sub":"s","aud":{audience}}}"#);
        assert_eq!(
            judge(&claims, &accepting),
            Err(TokenError::InvalidAudience),
            "{audience}"
        );
    }
    let mut any = requirements();
    any.audiences = Audiences::Any;
    assert_eq!(
        judge(r#"{"exp":1050,"iat":950,"sub":"s","aud":"z"}"#, &any),
        Ok(())
    );
}
