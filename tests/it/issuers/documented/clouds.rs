//! Services in which organisations register their applications.

use serde_json::json;

use crate::support::keys::rsa;

use super::key_sets::{certificate, jwk, rs256};
use super::sample::{Sample, but, claims};

pub(super) fn scalekit() -> Sample {
    let keys = vec![
        jwk(rsa(1), "snk_58327480989122565", rs256()),
        jwk(rsa(0), "snk_58327480989122566", rs256()),
    ];
    let header = json!({ "alg": "RS256", "kid": "snk_58327480989122566", "typ": "JWT" });
    let unregistered = claims(
        24 * 3600,
        json!({
            "iss": "https://acme.scalekit.dev",
            "sub": "m2morg_68315758685323697",
            "client_id": "m2morg_68315758685323697",
            "oid": "org_59615193906282635",
            "scopes": ["deploy:applications", "read:deployments"],
            "custom_claims": { "environment": "production_us" },
            "jti": "tkn_69041163914445100",
        }),
    );
    let headers = [
        ("x-jwt-sub", "m2morg_68315758685323697"),
        ("x-jwt-client-id", "m2morg_68315758685323697"),
        ("x-jwt-org", "org_59615193906282635"),
        ("x-jwt-scope", "deploy:applications read:deployments"),
    ];
    let registered = but(&unregistered, json!({ "aud": ["api.acme.example"] }));
    let other = but(&unregistered, json!({ "aud": ["billing.acme.example"] }));
    Sample::of("Scalekit", rsa(0), keys)
        .admits("without an audience", &header, &unregistered, &headers)
        .admits("with the audience", &header, &registered, &headers)
        .refuses("another audience", &header, &other, "invalid_audience")
}

#[tokio::test]
async fn scalekit_tokens_without_an_audience_pass_and_those_of_another_do_not() {
    scalekit().is_decided_as_documented().await;
}

pub(super) fn entra_id() -> Sample {
    let issuer = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0";
    // Entra ID publishes several keys, each without `alg`.
    let published = |key, kid| {
        let members = json!({ "use": "sig", "x5t": kid, "cloud_instance_name": "microsoftonline.com", "issuer": issuer });
        jwk(key, kid, certificate(members))
    };
    let keys = vec![
        published(rsa(1), "HnVZPRM4B1LVfYjOVtT2MNgFWtA"),
        published(rsa(0), "kGr8l0NKRpXYxYIWtLRQ2TRZJ4o"),
        published(rsa(2), "wHRUPO1MjzOpV-QTj6-OZgIgpGE"),
    ];
    let kid = "kGr8l0NKRpXYxYIWtLRQ2TRZJ4o";
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": kid });
    let application = claims(
        3900,
        json!({
            "iss": issuer,
            "aud": "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
            "azp": "cccccccc-cccc-cccc-cccc-cccccccccccc",
            "azpacr": "1",
            "oid": "dddddddd-dddd-dddd-dddd-dddddddddddd",
            "sub": "dddddddd-dddd-dddd-dddd-dddddddddddd",
            "tid": "11111111-1111-1111-1111-111111111111",
            "roles": ["Deployments.Read"],
            "uti": "B7pNQwl2hE-IyVcJpZmFAA",
            "ver": "2.0",
        }),
    );
    let user = but(
        &application,
        json!({ "roles": null, "scp": "Deployments.Write Deployments.Read", "name": "A. User" }),
    );
    let first_version = but(
        &application,
        json!({
            "iss": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
            "aud": "api://aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
            "appid": "cccccccc-cccc-cccc-cccc-cccccccccccc",
            "azp": null,
            "ver": "1.0",
        }),
    );
    let first_header = json!({ "typ": "JWT", "alg": "RS256", "x5t": kid, "kid": kid });
    let organisation = ("x-jwt-org", "11111111-1111-1111-1111-111111111111");
    let client = ("x-jwt-client-id", "cccccccc-cccc-cccc-cccc-cccccccccccc");
    let scopes = ("x-jwt-scope", "Deployments.Write Deployments.Read");
    let no_role = but(&application, json!({ "roles": null }));
    let guest = but(
        &application,
        json!({ "iss": "https://login.microsoftonline.com/22222222-2222-2222-2222-222222222222/v2.0" }),
    );
    let graph = but(
        &first_version,
        json!({ "aud": "00000003-0000-0000-c000-000000000000" }),
    );
    Sample::of("Microsoft Entra ID", rsa(0), keys)
        .admits(
            "an application, v2",
            &header,
            &application,
            &[organisation, client],
        )
        .admits("a user, v2", &header, &user, &[organisation, scopes])
        .admits("v1", &first_header, &first_version, &[organisation])
        .refuses("no role", &header, &no_role, "insufficient_scope")
        .refuses("another tenant", &header, &guest, "unknown_issuer")
        .refuses(
            "for Microsoft Graph",
            &first_header,
            &graph,
            "invalid_audience",
        )
}

#[tokio::test]
async fn entra_id_tokens_of_both_versions_pass_and_those_without_a_role_do_not() {
    entra_id().is_decided_as_documented().await;
}

pub(super) fn okta() -> Sample {
    let kid = "0H5RmFxLEt2gHb0oF3DUVXiNrCQpTkGdU6ZGIzCyVcs";
    let keys = vec![
        jwk(rsa(0), kid, rs256()),
        jwk(
            rsa(1),
            "Yq1d0gqTh1Qk0kfq4RZVfsgXiQaIEf0y2GqC8c7vT5w",
            rs256(),
        ),
    ];
    let header = json!({ "kid": kid, "alg": "RS256" });
    let user = claims(
        3600,
        json!({
            "ver": 1,
            "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
            "iss": "https://acme.okta.com/oauth2/default",
            "aud": "api://default",
            "cid": "0oa1b2c3d4e5f6g7h8i9",
            "uid": "00uid4BxXw6I6TV4m0g3",
            "scp": ["deployments.read"],
            "sub": "user@acme.example",
        }),
    );
    let machine = but(
        &user,
        json!({ "uid": null, "sub": "0oa1b2c3d4e5f6g7h8i9", "scp": ["deployments.write"] }),
    );
    let org = but(
        &user,
        json!({ "iss": "https://acme.okta.com", "aud": "https://acme.okta.com" }),
    );
    let org_header = json!({ "kid": "a-key-that-is-not-published", "alg": "RS256", "typ": "application/okta-internal-at+jwt" });
    let client = ("x-jwt-client-id", "0oa1b2c3d4e5f6g7h8i9");
    Sample::of("Okta", rsa(0), keys)
        .admits(
            "a user",
            &header,
            &user,
            &[client, ("x-jwt-user", "00uid4BxXw6I6TV4m0g3")],
        )
        .admits(
            "a machine",
            &header,
            &machine,
            &[client, ("x-jwt-scope", "deployments.write")],
        )
        .refuses(
            "of the org authorization server",
            &org_header,
            &org,
            "unknown_issuer",
        )
}

#[tokio::test]
async fn okta_tokens_of_the_org_authorization_server_are_refused() {
    okta().is_decided_as_documented().await;
}
