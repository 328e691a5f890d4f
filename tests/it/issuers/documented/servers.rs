//! Issuers that an organisation runs itself.

use serde_json::json;

use crate::support::keys::{base64url, rsa, rsa_4096};

use super::key_sets::{certificate, jwk, rs256};
use super::sample::{Sample, but, claims};

pub(super) fn keycloak() -> Sample {
    let with_thumbprints = |members: serde_json::Value| {
        let mut members = certificate(members);
        members["x5t#S256"] = base64url([8; 32]).into();
        members
    };
    let signing = "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE";
    let encrypting = json!({ "use": "enc", "alg": "RSA-OAEP" });
    let keys = vec![
        jwk(
            rsa(1),
            "qS9hBFq0bZpfV3xK1sCNqBoj2MZ2hJ7ZJpEXAMPLEAA",
            with_thumbprints(encrypting),
        ),
        jwk(rsa(0), signing, with_thumbprints(rs256())),
    ];
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": signing });
    let user = claims(
        300,
        json!({
            "jti": "onrtac:8f1c4cf2-7a0c-4d55-9a44-0c3ad7f1d3b1",
            "iss": "https://sso.acme.example/realms/acme",
            "aud": ["api.acme.example", "account"],
            "sub": "c3c4b3da-c660-432d-a566-02d86691083b",
            "typ": "Bearer",
            "azp": "console",
            "sid": "e0ab6b1e-5a6f-4b1c-8c55-54fb0c2a6f0f",
            "acr": "1",
            "allowed-origins": ["https://console.acme.example"],
            "realm_access": { "roles": ["offline_access", "deployer"] },
            "resource_access": { "account": { "roles": ["view-profile"] } },
            "scope": "profile email",
            "email_verified": true,
            "preferred_username": "user",
        }),
    );
    let machine = but(
        &user,
        json!({ "azp": "worker", "client_id": "worker", "clientHost": "10.0.0.7", "sid": null, "preferred_username": "service-account-worker" }),
    );
    let account = but(&user, json!({ "aud": "account" }));
    let lightweight = but(
        &user,
        json!({ "sub": null, "realm_access": null, "resource_access": null, "acr": null, "preferred_username": null }),
    );
    let refresh = but(
        &user,
        json!({ "typ": "Refresh", "aud": "https://sso.acme.example/realms/acme" }),
    );
    let refresh_header =
        json!({ "alg": "HS512", "typ": "JWT", "kid": "6d2b6b0a-27c1-4a4e-8e27-0d39b2a3c4f5" });
    Sample::of("Keycloak", rsa(0), keys)
        .admits(
            "a user",
            &header,
            &user,
            &[
                ("x-jwt-client-id", "console"),
                ("x-jwt-roles", "offline_access deployer"),
                ("x-jwt-scope", "profile email"),
            ],
        )
        .admits(
            "a service account",
            &header,
            &machine,
            &[("x-jwt-client-id", "worker")],
        )
        .refuses("no audience mapper", &header, &account, "invalid_audience")
        .refuses(
            "a lightweight token",
            &header,
            &lightweight,
            "missing_claim",
        )
        .refuses(
            "a refresh token",
            &refresh_header,
            &refresh,
            "unsupported_algorithm",
        )
}

#[tokio::test]
async fn keycloak_tokens_that_are_lightweight_or_lack_the_audience_are_refused() {
    keycloak().is_decided_as_documented().await;
}

pub(super) fn zitadel() -> Sample {
    let keys = vec![
        jwk(rsa(1), "258473012345670000", rs256()),
        jwk(rsa(0), "258473012345670001", rs256()),
    ];
    let header = json!({ "alg": "RS256", "kid": "258473012345670001", "typ": "JWT" });
    let roles = json!({ "deployer": { "258470000000000001": "acme.zitadel.cloud" } });
    let token = claims(
        12 * 3600,
        json!({
            "iss": "https://acme.zitadel.cloud",
            "sub": "258475555555555555",
            "aud": ["258474444444444444@acme", "258473012345678901"],
            "nbf": 1_700_000_000,
            "client_id": "worker",
            "jti": "258476666666666666",
            "urn:zitadel:iam:org:project:roles": roles,
        }),
    );
    let audience = but(&token, json!({ "aud": ["258474444444444444@acme"] }));
    let no_roles = but(&token, json!({ "urn:zitadel:iam:org:project:roles": null }));
    let other_role = but(
        &token,
        json!({ "urn:zitadel:iam:org:project:roles": { "reader": {} } }),
    );
    Sample::of("Zitadel", rsa(0), keys)
        .admits(
            "a service account",
            &header,
            &token,
            &[("x-jwt-client-id", "worker")],
        )
        .refuses(
            "no scope for the audience",
            &header,
            &audience,
            "invalid_audience",
        )
        .refuses("no roles", &header, &no_roles, "condition_failed")
        .refuses("another role", &header, &other_role, "condition_failed")
        .refuses_text(
            "an opaque token",
            "dEnv1ZQ9m3w3PxgYBcGgGJ3k3bQdJwW8fR2rQ0y9zExample",
            "malformed_token",
        )
}

#[tokio::test]
async fn zitadel_tokens_without_the_audience_or_the_role_are_refused() {
    zitadel().is_decided_as_documented().await;
}

pub(super) fn hydra() -> Sample {
    // Hydra's keys have 4096 bits, and older ones have names with a prefix.
    let keys = vec![
        jwk(rsa_4096(), "public:hydra.jwt.access-token", rs256()),
        jwk(rsa(1), "a2aa9739-d753-4a0d-87ee-61f101050277", rs256()),
    ];
    let header = json!({ "alg": "RS256", "kid": "public:hydra.jwt.access-token", "typ": "JWT" });
    let token = claims(
        3600,
        json!({
            "aud": ["https://api.acme.example"],
            "client_id": "cbf1ee02-fdb6-4bd5-9b0c-example",
            "ext": { "tenant": "acme" },
            "iss": "https://auth.acme.example/",
            "jti": "c8e7ab9c-3ac4-4b8e-8f31-77a4f4c0d7d2",
            "nbf": 1_700_000_000,
            "scp": ["deployments.read"],
            "sub": "cbf1ee02-fdb6-4bd5-9b0c-example",
        }),
    );
    let empty = but(&token, json!({ "aud": [] }));
    let headers = [
        ("x-jwt-tenant", "acme"),
        ("x-jwt-scope", "deployments.read"),
    ];
    Sample::of("Ory Hydra", rsa_4096(), keys)
        .admits("a client", &header, &token, &headers)
        .refuses("an empty audience", &header, &empty, "invalid_audience")
        .refuses_text(
            "an opaque token",
            "ory_at_1mRf9UyH2aVxB3Fq8ZQxJ0.SxkW7nq4Example",
            "malformed_token",
        )
}

#[tokio::test]
async fn hydra_tokens_with_an_empty_audience_are_refused() {
    hydra().is_decided_as_documented().await;
}

pub(super) fn dex() -> Sample {
    let keys = vec![
        jwk(rsa(0), "8f4d8e1b4f0f6c4cbe25e8b5d1e4c1f7d3a2b1c0", rs256()),
        jwk(rsa(1), "1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d", rs256()),
    ];
    let header = json!({ "alg": "RS256", "kid": "8f4d8e1b4f0f6c4cbe25e8b5d1e4c1f7d3a2b1c0" });
    let token = claims(
        24 * 3600,
        json!({
            "iss": "https://dex.acme.example",
            "sub": "CgcyMzQyNzQ5EgZnaXRodWI",
            "aud": ["api", "console"],
            "azp": "console",
            "at_hash": "W_fG8sHqYEXAMPLE1hV7gw",
            "email": "user@acme.example",
            "email_verified": true,
            "groups": ["deployers"],
        }),
    );
    let own = but(&token, json!({ "aud": "console", "azp": null }));
    let no_groups = but(&token, json!({ "groups": null }));
    Sample::of("Dex", rsa(0), keys)
        .admits(
            "of a trusted peer",
            &header,
            &token,
            &[
                ("x-jwt-client-id", "console"),
                ("x-jwt-groups", "deployers"),
            ],
        )
        .refuses("for its own client", &header, &own, "invalid_audience")
        .refuses("no groups", &header, &no_groups, "insufficient_scope")
}

#[tokio::test]
async fn dex_tokens_for_another_client_are_refused() {
    dex().is_decided_as_documented().await;
}

pub(super) fn ad_fs() -> Sample {
    let thumbprint = "jeeQjLUam_V5jJgqW1jVLeYl8Gik";
    let published = |key, kid| {
        let mut members = certificate(rs256());
        members["x5t"] = json!(kid);
        jwk(key, kid, members)
    };
    let keys = vec![
        published(rsa(1), "0p8Y5FwF2r8DqXyZxEXAMPLEAAAA"),
        published(rsa(0), thumbprint),
    ];
    // Older versions name the key by `x5t` alone.
    let old_header = json!({ "typ": "JWT", "alg": "RS256", "x5t": thumbprint });
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5t": thumbprint, "kid": thumbprint });
    let token = claims(
        3600,
        json!({
            "aud": "microsoft:identityserver:api.acme.example",
            "iss": "http://sts.acme.example/adfs/services/trust",
            "apptype": "Confidential",
            "appid": "60b3d106-d155-4f9f-ba75-example",
            "authmethod": "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
            "auth_time": "2017-02-13T08:27:46.918Z",
            "ver": "1.0",
            "scp": "openid",
        }),
    );
    let id_token = but(
        &token,
        json!({ "iss": "https://sts.acme.example/adfs", "sub": "a", "appid": null }),
    );
    let no_resource = but(&token, json!({ "aud": "urn:microsoft:userinfo" }));
    let client = [("x-jwt-client-id", "60b3d106-d155-4f9f-ba75-example")];
    Sample::of("AD FS", rsa(0), keys)
        .admits("a client", &header, &token, &client)
        .admits("a header without kid", &old_header, &token, &client)
        .refuses("an ID token", &header, &id_token, "unknown_issuer")
        .refuses("no resource", &header, &no_resource, "invalid_audience")
}

#[tokio::test]
async fn ad_fs_tokens_pass_without_subject_and_kid_and_id_tokens_do_not() {
    ad_fs().is_decided_as_documented().await;
}
