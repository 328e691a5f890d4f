//! Services with which applications sign in their customers.

use serde_json::json;

use crate::support::keys::rsa;

use super::key_sets::{certificate, jwk, rs256};
use super::sample::{Sample, but, claims};

pub(super) fn auth0() -> Sample {
    let published = |key, kid| jwk(key, kid, certificate(rs256()));
    let keys = vec![
        published(
            rsa(0),
            "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg",
        ),
        published(
            rsa(1),
            "QzVFNzQ4RDkyRTYzQTM0Q0IyNTQ2RkZGRTIwRTQ4MDE3RDZDOTdGQQ",
        ),
    ];
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg" });
    let user = claims(
        86400,
        json!({
            "iss": "https://acme.eu.auth0.com/",
            "sub": "auth0|65f1c0ffee65f1c0ffee65f1",
            "aud": ["https://api.acme.example", "https://acme.eu.auth0.com/userinfo"],
            "azp": "my_client_id",
            "scope": "openid profile write:deployments",
            "permissions": ["read:deployments"],
            "org_id": "org_9ybsU1dN2dKfDkBi",
        }),
    );
    let machine = but(
        &user,
        json!({ "sub": "my_client_id@clients", "aud": "https://api.acme.example", "gty": "client-credentials", "scope": "read:deployments", "permissions": null }),
    );
    let slash = but(&user, json!({ "iss": "https://acme.eu.auth0.com" }));
    let domain = but(&user, json!({ "iss": "https://login.acme.example/" }));
    let encrypted = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiaXNzIjoiaHR0cHM6Ly9hY21lLmV1LmF1dGgwLmNvbS8ifQ..c29tZS1ub25jZQ.Y2lwaGVydGV4dA.dGFn";
    let scope = ("x-jwt-scope", "read:deployments");
    Sample::of("Auth0", rsa(0), keys)
        .admits(
            "a user",
            &header,
            &user,
            &[scope, ("x-jwt-org", "org_9ybsU1dN2dKfDkBi")],
        )
        .admits("a machine", &header, &machine, &[scope])
        .refuses("no final slash", &header, &slash, "unknown_issuer")
        .refuses("of a custom domain", &header, &domain, "unknown_issuer")
        .refuses_text("an encrypted token", encrypted, "malformed_token")
        .refuses_text(
            "an opaque token",
            "vTQ3Cq0lYzE2ZnB6dGk0b2VrZ2d1",
            "malformed_token",
        )
}

#[tokio::test]
async fn auth0_tokens_that_are_encrypted_or_lack_the_final_slash_are_refused() {
    auth0().is_decided_as_documented().await;
}

pub(super) fn cognito() -> Sample {
    let keys = vec![
        jwk(rsa(1), "abcdefghijklmnopqrsexample=", rs256()),
        jwk(rsa(0), "fgjhlkhjlkhexample=", rs256()),
    ];
    let header = json!({ "kid": "fgjhlkhjlkhexample=", "alg": "RS256" });
    let user = claims(
        3600,
        json!({
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "cognito:groups": ["admins", "builders"],
            "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
            "version": 2,
            "client_id": "4h57kgetutm8hn9g0b1examples",
            "token_use": "access",
            "scope": "openid api.acme.example/deployments.read",
            "auth_time": 1_676_312_777,
            "username": "a-user",
        }),
    );
    let machine = but(
        &user,
        json!({ "sub": "4h57kgetutm8hn9g0b1examples", "cognito:groups": null, "username": null, "scope": "api.acme.example/deployments.read" }),
    );
    let id_token = but(
        &user,
        json!({ "client_id": null, "aud": "4h57kgetutm8hn9g0b1examples", "token_use": "id", "scope": null }),
    );
    let other_client = but(&user, json!({ "client_id": "another" }));
    let of_the_sdk = but(&user, json!({ "scope": "aws.cognito.signin.user.admin" }));
    Sample::of("Amazon Cognito", rsa(0), keys)
        .admits(
            "a user",
            &header,
            &user,
            &[("x-jwt-groups", "admins,builders")],
        )
        .admits("a machine", &header, &machine, &[])
        .refuses("an ID token", &header, &id_token, "invalid_audience")
        .refuses("another client", &header, &other_client, "invalid_audience")
        .refuses(
            "a user of the SDK",
            &header,
            &of_the_sdk,
            "insufficient_scope",
        )
}

#[tokio::test]
async fn cognito_access_tokens_pass_by_their_client_and_id_tokens_do_not() {
    cognito().is_decided_as_documented().await;
}

pub(super) fn firebase() -> Sample {
    let keys = vec![
        jwk(rsa(1), "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", rs256()),
        jwk(rsa(0), "89ce3598c473af1bda4bff95e6c8736450206fba", rs256()),
    ];
    let header =
        json!({ "alg": "RS256", "kid": "89ce3598c473af1bda4bff95e6c8736450206fba", "typ": "JWT" });
    let user = claims(
        3600,
        json!({
            "iss": "https://securetoken.google.com/acme-prod",
            "aud": "acme-prod",
            "auth_time": 1_700_000_000,
            "user_id": "0bVWyi0bMNQJqTqnNjgYEXAMPLE1",
            "sub": "0bVWyi0bMNQJqTqnNjgYEXAMPLE1",
            "email": "user@acme.example",
            "email_verified": true,
            "firebase": { "identities": { "email": ["user@acme.example"] }, "sign_in_provider": "password" },
        }),
    );
    let anonymous = but(
        &user,
        json!({ "email": null, "firebase": { "identities": {}, "sign_in_provider": "anonymous" } }),
    );
    let project = but(
        &user,
        json!({ "iss": "https://securetoken.google.com/other", "aud": "other" }),
    );
    Sample::of("Firebase Authentication", rsa(0), keys)
        .admits(
            "a user",
            &header,
            &user,
            &[("x-jwt-email", "user@acme.example")],
        )
        .refuses("an anonymous user", &header, &anonymous, "condition_failed")
        .refuses("another project", &header, &project, "unknown_issuer")
}

#[tokio::test]
async fn firebase_tokens_of_anonymous_users_are_refused() {
    firebase().is_decided_as_documented().await;
}
