//! A customer's application and an API that use Scalekit's own Python SDK, against `accredit dev`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::support::accredit::Accredit;
use super::support::http::post;
use super::support::scripts::{answer, python};
use super::support::token::claims_of;

const CLIENT: &str = "m2morg_1001";
const SECRET: &str = "dev-secret-1001";
const AUDIENCE: &str = "api.acme.example";

/// What `scalekit_client.py` prints.
#[derive(Deserialize)]
struct Tried {
    token: String,
    validated: Outcome,
    with_its_scope: Outcome,
    with_another_scope: Outcome,
    for_another_issuer: Outcome,
    for_another_audience: Outcome,
    others: Vec<Outcome>,
    one_scope: Outcome,
    unknown_scope: Outcome,
    wrong_secret: Outcome,
    unknown_client: Outcome,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done(Value),
    Refused(String),
}

#[tokio::test]
async fn the_scalekit_sdk_gets_and_validates_tokens() {
    let (accredit, issuer) = Accredit::dev().await;
    let bad = [json!({ "expired": true }), json!({ "forged": true })];
    let mut others = Vec::new();
    for claims in &bad {
        others.push(mint(&issuer, claims).await);
    }
    let arguments = [&issuer, CLIENT, SECRET, AUDIENCE, &others[0], &others[1]];

    let tried: Tried = answer("the Scalekit SDK", python("scalekit_client.py", &arguments)).await;

    let claims = Value::from(claims_of(&tried.token));
    assert_eq!(claims["iss"], issuer.as_str());
    assert_eq!(claims["sub"], CLIENT);
    assert_eq!(claims["oid"], "org_2001");
    assert_eq!(
        claims["scopes"],
        json!(["deploy:applications", "read:deployments"])
    );
    assert_eq!(tried.validated, Outcome::Done(claims.clone()));
    assert_eq!(tried.with_its_scope, Outcome::Done(claims));
    let Outcome::Done(Value::String(narrow)) = &tried.one_scope else {
        panic!("{:?}", tried.one_scope)
    };
    assert_eq!(claims_of(narrow)["scopes"], json!(["read:deployments"]));

    for refused in [
        &tried.with_another_scope,
        &tried.for_another_issuer,
        &tried.for_another_audience,
        &tried.others[0],
        &tried.others[1],
    ] {
        assert_eq!(
            *refused,
            Outcome::Refused("ScalekitValidateTokenFailureException".into())
        );
    }
    // As the SDK takes RFC 6749's errors: 400 and 401.
    let by_status = [
        (&tried.unknown_scope, "ScalekitBadRequestException"),
        (&tried.wrong_secret, "ScalekitUnauthorizedException"),
        (&tried.unknown_client, "ScalekitUnauthorizedException"),
    ];
    for (refused, exception) in by_status {
        assert_eq!(*refused, Outcome::Refused(exception.into()));
    }

    assert_eq!(accredit.reason(&tried.token).await, "allowed");
    assert_eq!(accredit.reason(narrow).await, "allowed");
    assert_eq!(accredit.reason(&others[0]).await, "expired");
    assert_eq!(accredit.reason(&others[1]).await, "invalid_signature");
}

async fn mint(issuer: &str, claims: &Value) -> String {
    let answer = post(&format!("{issuer}/dev/token"), claims).await;
    answer["access_token"].as_str().unwrap().to_owned()
}
