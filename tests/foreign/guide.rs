//! Two ways to protect one API: as Scalekit's guide for customers' applications has it, in the API itself with
//! jsonwebtoken and jwks-rsa, and by accredit and Envoy in front of the same API without protection.

use serde_json::json;

use super::support::token::tamper;
use super::support::two_ways::{AUDIENCE, TwoWays, bearer};

const MISSING: &str = "Missing authorization token";
const INVALID: &str = "Invalid token";

#[tokio::test]
async fn accredit_and_the_sample_of_the_guide_answer_alike() {
    let ways = TwoWays::start().await;
    let good = ways.mint(json!({})).await;
    let later = now() + 3600;
    let confused = ways.confuse(&good).await;

    let admitted = [
        ("a good token", good.clone()),
        (
            "its only audience as a string",
            ways.mint(json!({ "aud": AUDIENCE })).await,
        ),
        (
            "one audience of several",
            ways.mint(json!({ "aud": ["other.example", AUDIENCE] }))
                .await,
        ),
        ("no key named", ways.mint(json!({ "kid": null })).await),
        ("no scopes", ways.mint(json!({ "scopes": null })).await),
    ];
    for (what, token) in admitted {
        let (api, edge) = ways.request(bearer(&token).as_deref()).await;
        assert_eq!(
            (api.status, edge.status),
            (200, 200),
            "{what}: {api:?}, {edge:?}"
        );
        let body = json!({ "message": "welcome", "userId": "m2morg_1001" });
        assert_eq!((api.json(), edge.json()), (body.clone(), body), "{what}");
    }

    let refused = [
        ("no header", None, MISSING),
        (
            "another scheme",
            Some("Basic bWU6c2VjcmV0".to_owned()),
            MISSING,
        ),
        ("the scheme alone", Some("Bearer".to_owned()), MISSING),
        (
            "a scheme and nothing more",
            Some("Bearer ".to_owned()),
            MISSING,
        ),
        ("the token alone", Some(good.clone()), MISSING),
        ("no token", bearer("abc"), INVALID),
        ("three parts of nothing", bearer("a.b.c"), INVALID),
        // The first token that makes accredit fetch the keys again, which it does once in ten seconds. Until then, another
        // token with an unknown key would be answered with 503.
        (
            "an unknown key",
            bearer(&ways.mint(json!({ "kid": "snk_0" })).await),
            INVALID,
        ),
        (
            "expired",
            bearer(&ways.mint(json!({ "expired": true })).await),
            INVALID,
        ),
        (
            "forged",
            bearer(&ways.mint(json!({ "forged": true })).await),
            INVALID,
        ),
        (
            "tampered with",
            bearer(&tamper(&good, "sub", "admin")),
            INVALID,
        ),
        ("unsigned", bearer(&confused.none), INVALID),
        (
            "signed with the public key",
            bearer(&confused.hs256),
            INVALID,
        ),
        (
            "another issuer",
            bearer(&ways.mint(json!({ "iss": "https://other.example" })).await),
            INVALID,
        ),
        (
            "another audience",
            bearer(&ways.mint(json!({ "aud": ["other.example"] })).await),
            INVALID,
        ),
        (
            "no audience",
            bearer(&ways.mint(json!({ "aud": null })).await),
            INVALID,
        ),
        (
            "not yet valid",
            bearer(&ways.mint(json!({ "nbf": later })).await),
            INVALID,
        ),
    ];
    for (what, authorization, error) in refused {
        let (api, edge) = ways.request(authorization.as_deref()).await;
        for (way, answer) in [("in the API", api), ("at the edge", edge)] {
            assert_eq!(answer.status, 401, "{what}, {way}: {answer:?}");
            assert_eq!(answer.json()["error"], error, "{what}, {way}");
            let content_type = answer.header("content-type").unwrap();
            assert!(
                content_type.starts_with("application/json"),
                "{what}, {way}: {content_type}"
            );
        }
    }
}

/// Where the guide says nothing, and its sample takes the libraries' defaults. Each of these is meant.
#[tokio::test]
async fn accredit_differs_from_the_sample_of_the_guide_only_where_intended() {
    let ways = TwoWays::start().await;
    let good = ways.mint(json!({})).await;
    let tokens = [
        (
            "a scheme in lower case, which RFC 9110 allows",
            format!("bearer {good}"),
            401,
            200,
        ),
        (
            "two spaces, which RFC 9110 allows",
            format!("Bearer  {good}"),
            401,
            200,
        ),
        (
            "words after the token",
            format!("Bearer {good} more"),
            200,
            401,
        ),
        (
            "no end of life",
            format!("Bearer {}", ways.mint(json!({ "exp": null })).await),
            200,
            401,
        ),
        (
            "no subject",
            format!("Bearer {}", ways.mint(json!({ "sub": null })).await),
            200,
            401,
        ),
        (
            "issued in the future",
            format!("Bearer {}", ways.mint(json!({ "iat": now() + 3600 })).await),
            200,
            401,
        ),
    ];
    for (what, authorization, in_the_api, at_the_edge) in tokens {
        let (api, edge) = ways.request(Some(&authorization)).await;
        assert_eq!(
            (api.status, edge.status),
            (in_the_api, at_the_edge),
            "{what}"
        );
    }

    // A withdrawn key: jwks-rsa remembers it for ten hours. accredit forgets it with the first look at the new set,
    // which the first token of the new key causes.
    ways.rotate().await;
    let new = ways.mint(json!({})).await;
    let (api, edge) = ways.request(bearer(&new).as_deref()).await;
    assert_eq!((api.status, edge.status), (200, 200), "{edge:?}");
    let (api, edge) = ways.request(bearer(&good).as_deref()).await;
    assert_eq!(api.status, 200);
    assert!([401, 503].contains(&edge.status), "{edge:?}");
}

#[allow(
    clippy::disallowed_methods,
    reason = "a token that starts to be valid later needs a clock"
)]
fn now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
