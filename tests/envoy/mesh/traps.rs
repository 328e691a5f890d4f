//! Settings of the control planes that leave requests unchecked or refuse all of them, as the documents state.

use crate::support::config::{ACME, KID};
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::token::Token;

use super::generated::{Mesh, rules};

fn token() -> String {
    Token::of_client(ACME, KID).signed(rsa(0))
}

/// Statuses of requests without a token.
async fn statuses(mesh: &Mesh, paths: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for path in paths {
        let answer = RawRequest::get(path).send(mesh.envoy.address()).await;
        statuses.push(answer.status);
    }
    statuses
}

/// Istio compares paths in another way than the API, so a policy that is limited to paths has forms of the path that pass.
#[tokio::test]
async fn a_custom_policy_that_is_limited_to_paths_is_evaded() {
    let mesh = Mesh::start("istio", "gateway-custom-by-paths").await;
    assert_eq!(statuses(&mesh, &["/admin", "/admin/x"]).await, [401, 401]);
    let evasions = ["/admin%2Fx", "/x%2f..%2fadmin", "/admin;x", "/Admin"];
    assert_eq!(statuses(&mesh, &evasions).await, [200; 4]);
}

#[tokio::test]
async fn a_policy_with_an_unknown_provider_refuses_every_request() {
    let mesh = Mesh::start("istio", "gateway-unknown-provider").await;
    let request = RawRequest::get("/x").bearer(&token());
    let answer = request.send(mesh.envoy.address()).await;
    assert_eq!(
        (answer.status, &*answer.text()),
        (403, "RBAC: access denied")
    );
    assert_eq!(statuses(&mesh, &["/public/a"]).await, [403]);
}

/// Without `pathNormalization`, Istio's gateway does not merge slashes.
#[tokio::test]
async fn without_path_normalization_double_slashes_reach_accredit_and_are_refused() {
    let mesh = Mesh::start("istio", "gateway-provider-defaults").await;
    assert_eq!(statuses(&mesh, &["/x", "//admin"]).await, [401, 400]);
}

/// A route that matches a claim header is chosen by the client's header, except with the component istio-strict.
#[tokio::test]
async fn a_route_by_claim_header_follows_the_client_unless_the_header_is_removed_early() {
    for (name, route) in [
        ("gateway", "by-claim-header"),
        ("gateway-envoy-filter", "rest"),
    ] {
        let mesh = Mesh::start("istio", name).await;
        let request = RawRequest::get("/x").bearer(&token());
        let answer = request
            .header("x-jwt-org", "acme")
            .send(mesh.envoy.address())
            .await;
        assert_eq!(answer.status, 200, "{name}");
        let seen = mesh.upstream.last_request().unwrap();
        assert_eq!(seen.header("x-route").as_deref(), Some(route), "{name}");
        // The API gets the claim of the token in both cases.
        assert_eq!(
            seen.header("x-jwt-org").as_deref(),
            Some("org_2001"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_strict_settings_of_istio_refuse_underscores_and_escaped_slashes() {
    let mesh = Mesh::start("istio", "gateway-envoy-filter").await;
    let underscore = RawRequest::get("/x")
        .bearer(&token())
        .header("x_jwt_sub", "admin");
    assert_eq!(underscore.send(mesh.envoy.address()).await.status, 400);
    assert_eq!(statuses(&mesh, &["/a%2Fb", "/x"]).await, [400, 401]);
    assert_eq!(mesh.upstream.count(), 0);
}

/// A RequestAuthentication beside accredit chooses the route again after the check.
#[tokio::test]
async fn request_authentication_beside_accredit_chooses_the_route_again() {
    let text = super::generated::text("istio", "gateway-with-requestauthentication.json");
    let order =
        ["filters.http.ext_authz", "filters.http.jwt_authn"].map(|name| text.find(name).unwrap());
    assert!(order[0] < order[1], "accredit decides first");
    assert!(
        text.contains("\"clear_route_cache\": true") || text.contains("\"clear_route_cache\":true")
    );
}

/// A SecurityPolicy of one route replaces that of the Gateway as a whole, unless it has `mergeType`.
#[tokio::test]
async fn a_policy_of_one_route_turns_the_check_off_unless_it_merges() {
    for (name, status) in [("route-cors-replaces", 200), ("route-cors-merges", 401)] {
        let mesh = Mesh::start("envoy-gateway", name).await;
        let answers = statuses(&mesh, &["/later", "/api/x"]).await;
        assert_eq!(answers, [status, 401], "{name}");
    }
}

/// With a missing ReferenceGrant, Envoy Gateway answers 500 itself. With `failOpen`, it checks nothing.
#[tokio::test]
async fn fail_open_admits_every_request_if_the_reference_grant_is_missing() {
    for (name, status) in [("no-grant", 500), ("no-grant-failopen", 200)] {
        let upstream = accredit_test_support::upstream::EchoUpstream::start().await;
        let generated = super::generated::Generated::read("envoy-gateway", name);
        let envoy = generated.at(&[], upstream.address()).start().await;
        let answer = RawRequest::get("/api/x").send(envoy.address()).await;
        assert_eq!(answer.status, status, "{name}");
        if status == 500 {
            assert_eq!(
                answer.text(),
                "",
                "the body is empty, unlike one of accredit's"
            );
        }
    }
}

/// accredit cannot remove what Envoy does not show to it.
#[tokio::test]
async fn headers_to_ext_auth_lets_look_alikes_of_claim_headers_pass() {
    let yaml = rules("envoy-gateway").replace(
        "audiences: [api.acme.example]\n",
        "audiences: [api.acme.example]\n    claim_headers: { x-jwt-sub: sub }\n",
    );
    for (name, reaches) in [("headers-to-extauth", true), ("base", false)] {
        let mesh = Mesh::start_with("envoy-gateway", name, &yaml).await;
        let request = RawRequest::get("/api/x").bearer(&token());
        let request = request
            .header("x.jwt.roles", "admin")
            .header("x-jwt-roles", "admin");
        assert_eq!(
            request.send(mesh.envoy.address()).await.status,
            200,
            "{name}"
        );
        let seen = mesh.upstream.last_request().unwrap();
        assert_eq!(seen.header("x.jwt.roles").is_some(), reaches, "{name}");
        assert_eq!(seen.header("x-jwt-roles").is_some(), reaches, "{name}");
    }
}

/// Envoy Gateway puts CORS before the check, so that a script can read a refusal. Istio puts it after the check.
#[tokio::test]
async fn refusals_have_cors_headers_behind_envoy_gateway_and_not_behind_istio() {
    for (folder, name, path, origin, expected) in [
        (
            "envoy-gateway",
            "gateway-cors",
            "/api/x",
            "https://app.acme.example",
            true,
        ),
        ("istio", "gateway", "/cors", "https://app.example", false),
    ] {
        let mesh = Mesh::start(folder, name).await;
        let request = RawRequest::get(path).header("origin", origin);
        let answer = request.send(mesh.envoy.address()).await;
        assert_eq!(answer.status, 401, "{folder}");
        let has = answer.header("access-control-allow-origin").is_some();
        assert_eq!(has, expected, "{folder}");
    }
}
