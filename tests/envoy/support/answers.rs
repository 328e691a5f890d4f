//! The table of denials: the answer to the client for each reason.

use serde_json::json;

use accredit_test_support::client::Answer;

const INVALID_REQUEST: &str = "Invalid request";
const INVALID_TOKEN: &str = "Invalid token";
const UNAVAILABLE: &str = "Authorization temporarily unavailable";

/// Reason, status, `error` and `details`.
const TABLE: &[(&str, u16, &str, Option<&str>)] = &[
    ("missing_token", 401, "Missing authorization token", None),
    (
        "malformed_token",
        401,
        INVALID_TOKEN,
        Some("the token is not a well-formed JWT"),
    ),
    (
        "unknown_issuer",
        401,
        INVALID_TOKEN,
        Some("the token's issuer is not accepted"),
    ),
    (
        "unsupported_algorithm",
        401,
        INVALID_TOKEN,
        Some("the token's signature algorithm is not accepted"),
    ),
    (
        "invalid_type",
        401,
        INVALID_TOKEN,
        Some("the token's type is not accepted"),
    ),
    (
        "unknown_key",
        401,
        INVALID_TOKEN,
        Some("the token's signing key is unknown"),
    ),
    (
        "invalid_signature",
        401,
        INVALID_TOKEN,
        Some("the token's signature is invalid"),
    ),
    (
        "unproven_binding",
        401,
        INVALID_TOKEN,
        Some("the token is bound to a key, and possession of that key was not proven"),
    ),
    ("expired", 401, INVALID_TOKEN, Some("the token has expired")),
    (
        "not_yet_valid",
        401,
        INVALID_TOKEN,
        Some("the token is not valid yet"),
    ),
    (
        "invalid_audience",
        401,
        INVALID_TOKEN,
        Some("the token's audience is not accepted"),
    ),
    (
        "missing_claim",
        401,
        INVALID_TOKEN,
        Some("the token lacks a required claim"),
    ),
    (
        "lifetime_too_long",
        401,
        INVALID_TOKEN,
        Some("the token's lifetime is too long"),
    ),
    (
        "invalid_claim",
        401,
        INVALID_TOKEN,
        Some("a claim of the token has none of the accepted values"),
    ),
    (
        "revoked",
        401,
        INVALID_TOKEN,
        Some("the token has been revoked"),
    ),
    ("keys_unavailable", 503, UNAVAILABLE, None),
    ("key_pending", 503, UNAVAILABLE, None),
    ("overloaded", 503, UNAVAILABLE, None),
    ("internal_error", 503, UNAVAILABLE, None),
];

/// One text per step (CONTRACT 4.5.3).
const INVALID_REQUEST_DETAILS: [&str; 5] = [
    "the authorization request of the proxy is invalid",
    "the host of the request is missing or invalid",
    "the request has more than one credential, or its credential is ambiguous",
    "comparing the request with the rules takes too many steps",
    "the request is ambiguous: its method or path can be interpreted in more than one way",
];

/// The status that a refusal for this reason has.
pub(crate) fn status_of(reason: &str) -> u16 {
    if reason == "invalid_request" {
        return 400;
    }
    let row = TABLE.iter().find(|row| row.0 == reason);
    row.unwrap_or_else(|| panic!("no such reason: {reason}")).1
}

/// Asserts that a refusal has the form of its reason. Returns the seconds of its `retry-after`.
pub(crate) fn judge(answer: &Answer, reason: &str) -> Option<u64> {
    assert_eq!(answer.status, status_of(reason), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let details = judge_body(answer, reason);
    let challenge = match (answer.status, details) {
        (400, Some(details)) => Some(challenge("invalid_request", &details)),
        (401, Some(details)) => Some(challenge("invalid_token", &details)),
        (401, None) => Some(r#"Bearer realm="api""#.to_owned()),
        _ => None,
    };
    assert_eq!(answer.header("www-authenticate"), challenge.as_deref());
    let retry_after: Option<u64> = answer
        .header("retry-after")
        .map(|seconds| seconds.parse().unwrap());
    match answer.status {
        503 => assert!(retry_after.is_some_and(|seconds| seconds > 0), "{answer:?}"),
        _ => assert_eq!(retry_after, None),
    }
    retry_after
}

fn judge_body(answer: &Answer, reason: &str) -> Option<String> {
    let body = answer.json();
    let details = body["details"].as_str().map(str::to_owned);
    if reason == "invalid_request" {
        let details = details.expect("has `details`");
        assert!(INVALID_REQUEST_DETAILS.contains(&details.as_str()));
        let expected = json!({ "error": INVALID_REQUEST, "details": details });
        assert_eq!(body, expected);
        return Some(details);
    }
    let (_, _, error, expected) = TABLE.iter().find(|row| row.0 == reason).unwrap();
    assert_eq!(body["error"], *error);
    assert_eq!(details.as_deref(), *expected);
    let members = body.as_object().unwrap().len();
    assert_eq!(members, 1 + usize::from(expected.is_some()), "{body}");
    details
}

fn challenge(error: &str, description: &str) -> String {
    format!(r#"Bearer realm="api", error="{error}", error_description="{description}""#)
}
