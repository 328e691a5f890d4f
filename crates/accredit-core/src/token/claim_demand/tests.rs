//! What meets a demand for a claim, and what does not.

use super::{ClaimDemand, UnmetClaim, check_all};
use crate::token::claim_name::ClaimName;
use crate::token::claim_values::ClaimValue;
use crate::token::claims::Claims;
use crate::token::decimal::Decimal;

fn demand(name: &str, any_of: Vec<ClaimValue>) -> ClaimDemand {
    ClaimDemand {
        name: ClaimName::dotted(name).expect("is a name"),
        any_of: any_of.into(),
    }
}

fn text(value: &str) -> ClaimValue {
    ClaimValue::Text(value.to_owned())
}

fn number(value: &str) -> ClaimValue {
    ClaimValue::Number(Decimal::parse(value).expect("is a number"))
}

fn claims(value: &str) -> Claims {
    let payload = format!(r#"{{"c":{value},"p":{{"c":{value}}}}}"#);
    Claims::parse(payload.as_bytes()).expect("are claims")
}

#[test]
fn a_claim_must_equal_a_value_or_be_an_array_that_contains_one() {
    let cases: &[(Vec<ClaimValue>, &[&str], &[&str])] = &[
        (
            vec![text("admin"), text("ops")],
            &[
                r#""admin""#,
                r#""ops""#,
                r#"["x","ops"]"#,
                r#"["\u0061dmin"]"#,
            ],
            &[
                r#""Admin""#,
                r#""admin ""#,
                r#""admin ops""#,
                r#""admin,ops""#,
                r#"["x"]"#,
                r#"[["admin"]]"#,
                r#"{"admin":"admin"}"#,
                r#"[{"admin":true}]"#,
                "[]",
                "null",
                "true",
                r#""""#,
            ],
        ),
        (
            vec![number("1")],
            &["1", "1.0", "10e-1", "[2,1]"],
            &[
                r#""1""#,
                "true",
                "2",
                "-1",
                "1.0000000000000000001",
                "[[1]]",
            ],
        ),
        (
            vec![number("9007199254740993"), number("9223372036854775807")],
            &[
                "9007199254740993",
                "9223372036854775807",
                "9007199254740993.0",
            ],
            &[
                "9007199254740992",
                "9007199254740994",
                "9223372036854775808",
                "9.007199254740993e14",
            ],
        ),
        (
            vec![ClaimValue::Truth(true)],
            &["true", "[false,true]"],
            &["false", r#""true""#, "1", "[]"],
        ),
        (
            vec![text("true"), text("1")],
            &[r#""true""#],
            &["true", "1"],
        ),
        (vec![text("")], &[r#""""#, r#"[""]"#], &["[]", "null"]),
        (vec![], &[], &[r#""x""#, "1", "true", "[]", "null"]),
    ];
    // A long list is compared in another way.
    let others = || (0..1_000).map(|number| text(&format!("other {number}")));
    for (any_of, met, unmet) in cases {
        let long: Vec<ClaimValue> = others().chain(any_of.iter().cloned()).collect();
        for (name, any_of) in [("c", any_of), ("p.c", any_of), ("c", &long), ("p.c", &long)] {
            let demand = demand(name, any_of.clone());
            for value in *met {
                assert_eq!(demand.check(&claims(value)), Ok(()), "{demand:?} {value}");
            }
            for value in *unmet {
                assert!(demand.check(&claims(value)).is_err(), "{demand:?} {value}");
            }
        }
    }
}

#[test]
fn an_unmet_demand_names_the_claim_and_no_value_of_the_token() {
    let demands = [demand("c", vec![text("a")]), demand("d.e", vec![text("b")])];
    let unmet = |payload: &str| {
        let claims = Claims::parse(payload.as_bytes()).expect("are claims");
        check_all(&demands, &claims).map_err(|unmet| unmet.to_string())
    };
    let other = "the claim `c` has none of the required values".to_owned();
    assert_eq!(unmet(r#"{"c":"secret"}"#), Err(other));
    let absent = "the token has no claim `d.e`".to_owned();
    for payload in [
        r#"{"c":"a"}"#,
        r#"{"c":"a","d":{"e":null}}"#,
        r#"{"c":"a","d":"e"}"#,
    ] {
        assert_eq!(unmet(payload), Err(absent.clone()), "{payload}");
    }
    assert_eq!(unmet(r#"{"c":"a","d":{"e":"b"}}"#), Ok(()));
}

#[test]
fn a_demand_implies_another_with_more_values_of_the_same_claim() {
    let narrow = demand("c", vec![text("a")]);
    let wide = demand("c", vec![text("b"), text("a")]);
    assert!(narrow.implies(&wide) && narrow.implies(&narrow));
    let long: Vec<ClaimValue> = (0..1_000).map(|one| number(&one.to_string())).collect();
    let longer: Vec<ClaimValue> = long.iter().cloned().chain([text("a")]).collect();
    let (long, longer) = (demand("c", long), demand("c", longer));
    assert!(long.implies(&longer) && !longer.implies(&long) && narrow.implies(&longer));
    assert!(!wide.implies(&narrow) && !narrow.implies(&demand("d", vec![text("a")])));
    assert!(!demand("c", vec![number("1")]).implies(&demand("c", vec![text("1")])));
    assert!(matches!(
        narrow.check(&claims("1")),
        Err(UnmetClaim::OtherValue(_))
    ));
}
