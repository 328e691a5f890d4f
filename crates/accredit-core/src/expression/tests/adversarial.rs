//! Expressions and requests that would be slow or large without the budget. They are judged by their steps, since time
//! depends on the machine. A step stands for some 20 ns.

use super::subject::Subject;
use crate::expression::budget::MAX_STEPS;
use crate::expression::failure::EvaluationFailure;

/// The largest claims that a token of 64 KiB can have.
const CLAIMS_BYTES: usize = 48 * 1024;

fn outcome(text: &str, claims: &str) -> Option<EvaluationFailure> {
    let subject = Subject {
        claims: Some(claims),
        ..Subject::default()
    };
    let (result, steps) = subject.evaluate(text);
    assert!(steps <= MAX_STEPS, "{text}: {steps}");
    result.err()
}

fn list(members: usize, member: &str) -> String {
    format!(r#"{{"l":[{}]}}"#, vec![member; members].join(","))
}

#[test]
fn nested_comprehensions_end_at_the_budget() {
    let claims = list(256, "1");
    for text in [
        "claims.l.all(x, claims.l.all(y, x + y > 0))",
        "claims.l.all(x, claims.l.all(y, x == 1 || y == 2 || x == 3 || y == 4))",
        "claims.l.map(x, claims.l.map(y, [x, y])).size() > 0",
        "claims.l.map(x, claims.l).map(l, l + l + l + l).size() > 0",
        "claims.l.exists(x, claims.l.exists(y, claims.absent == 1)) || true",
        "claims.l.filter(x, claims.l.exists_one(y, x == y)).size() >= 0 || true",
        "!claims.l.all(x, claims.l.exists(y, claims.l == claims.l && x > y))",
    ] {
        assert_eq!(
            outcome(text, &claims),
            Some(EvaluationFailure::BudgetExceeded),
            "{text}"
        );
    }
    // What is plausible fits the budget.
    for text in [
        "claims.l.all(x, x == 1)",
        "claims.l.map(x, x * 2).filter(y, y > 1).exists(z, z == 2)",
        "claims.l.exists(x, ['a', 'b', 'c'].exists(y, x == y)) || true",
    ] {
        assert_eq!(outcome(text, &claims), None, "{text}");
    }
}

#[test]
fn huge_values_end_at_the_budget() {
    let text_of = |bytes: usize| {
        format!(
            r#"{{"s":"{}","l":[{}]}}"#,
            "a".repeat(bytes),
            "1,".repeat(200) + "1"
        )
    };
    let claims = text_of(CLAIMS_BYTES);
    for text in [
        "claims.l.map(x, claims.s + claims.s).size() > 0",
        "(claims.s + claims.s + claims.s + claims.s + claims.s + claims.s).size() > 0",
        "claims.l.all(x, claims.s.contains('b') || true)",
        "claims.l.all(x, claims.s == claims.s)",
        "claims.l.all(x, claims.s.matches('(a|aa)+$'))",
        "claims.s.split('').size() > 0",
        "claims.s.replace('a', 'bbbbbbbb').size() > 0",
        "claims.l.map(x, claims.s.upperAscii()).join('').size() > 0",
        "claims.l.all(x, size(bytes(claims.s)) > 0)",
    ] {
        assert_eq!(
            outcome(text, &claims),
            Some(EvaluationFailure::BudgetExceeded),
            "{text}"
        );
    }
    for text in [
        "claims.s.startsWith('a') && claims.s.size() > 10 && !claims.s.contains('b')",
        "claims.s.matches('^a+$') && claims.s == claims.s",
        "claims.s + claims.s != ''",
    ] {
        assert_eq!(outcome(text, &claims), None, "{text}");
    }
}

#[test]
fn wide_claims_end_at_the_budget() {
    let members: Vec<String> = (0..4_000)
        .map(|number| format!(r#""m{number}":{number}"#))
        .collect();
    let claims = format!("{{{}}}", members.join(","));
    for text in [
        "[1, 2].all(x, claims == claims)",
        "claims == claims",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16].all(x, [1,2,3,4,5,6,7,8].all(y, claims.m3999 == 3999))",
    ] {
        assert_eq!(
            outcome(text, &claims),
            Some(EvaluationFailure::BudgetExceeded),
            "{text}"
        );
    }
    assert_eq!(
        outcome("claims.all(k, true)", &claims),
        Some(EvaluationFailure::TooManyMembers)
    );
    assert_eq!(
        outcome("claims.m3999 == 3999 && has(claims.m1)", &claims),
        None
    );
    let long = list(10_000, "1");
    assert_eq!(outcome("2 in claims.l || true", &long), None);
    assert_eq!(
        outcome("[1, 2, 3, 4, 5, 6, 7, 8].all(x, !(9 in claims.l))", &long),
        Some(EvaluationFailure::BudgetExceeded)
    );
    assert_eq!(
        outcome("claims.l.all(x, true)", &long),
        Some(EvaluationFailure::TooManyMembers)
    );
}

#[test]
fn hostile_headers_end_at_the_budget() {
    let value = vec![b'x'; 60 * 1024];
    let many: Vec<(String, Vec<u8>)> = (0..1_000)
        .map(|number| (format!("x-{number}"), b"1".to_vec()))
        .collect();
    let mut headers: Vec<(&str, &[u8])> = many
        .iter()
        .map(|(name, value)| (name.as_str(), &value[..]))
        .collect();
    headers.push(("x-long", &value));
    let subject = Subject {
        claims: None,
        headers: &headers,
        path: "/",
        ..Subject::default()
    };
    for text in [
        "[1,2,3,4,5,6,7,8,9].all(x, [1,2,3,4,5,6,7,8,9].all(y, request.headers['x-long'].contains('y') || true))",
        "[1,2,3,4,5,6,7,8,9].all(x, [1,2,3,4,5,6,7,8,9].all(y, size(request.headers) > 1 && 'x-999' in request.headers && request.headers == request.headers))",
    ] {
        let (result, steps) = subject.evaluate(text);
        assert_eq!(result, Err(EvaluationFailure::BudgetExceeded), "{text}");
        assert!(steps <= MAX_STEPS);
    }
    for text in [
        "request.headers['x-long'].startsWith('x') && request.headers['x-999'] == '1'",
        "!request.headers['x-long'].matches('y$')",
    ] {
        assert_eq!(subject.evaluate(text).0, Ok(()), "{text}");
    }
}

/// Patterns and texts on which other engines take time proportional to their product, or more.
#[test]
fn regular_expressions_take_a_bounded_number_of_steps() {
    let alternating = |bytes: usize| {
        let mut state = 1_u32;
        let text: String = (0..bytes)
            .map(|_| {
                state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                if state & 0x1_0000 == 0 { 'a' } else { 'b' }
            })
            .collect();
        format!(r#"{{"s":"{text}"}}"#)
    };
    let claims = alternating(CLAIMS_BYTES);
    for pattern in [
        "(a|b)*a(a|b){200}c",
        "(x+x+)+y",
        "(a*)*(b*)*(a*)*c$",
        "[ab]*a[ab]{30}z",
        "(?i)(a|ab|aba|abab|ababa){5,50}z",
        "\\\\w+@\\\\w+[.]\\\\w+",
    ] {
        let _ = outcome(&format!("claims.s.matches('{pattern}')"), &claims);
    }
    assert_eq!(
        outcome("claims.s.matches('(a|b)*a(a|b){200}c')", &claims),
        Some(EvaluationFailure::BudgetExceeded)
    );
    assert_eq!(outcome("claims.s.matches('^[ab]+$')", &claims), None);
    // The states of one text do not make another one fail.
    assert_eq!(
        outcome(
            "'x@y.z'.matches('^\\\\w+@\\\\w+[.]\\\\w+$') && !'x@y'.matches('^\\\\w+@\\\\w+[.]\\\\w+$')",
            "{}"
        ),
        None
    );
}
