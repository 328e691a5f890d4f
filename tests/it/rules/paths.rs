//! Paths with more than one reading, as a service meets them.

use crate::support::check_request::{ClientRequest, HeaderForm};

use super::place::{service, token, with};

const PUBLIC: &str = "
rules:
  - { name: public, match: { paths: [/public/**] }, access: anonymous }
";

/// Without a token, no form of a path reaches a resource that is not public, however Envoy rewrites the path.
#[tokio::test]
async fn no_notation_of_a_path_reaches_a_public_rule_wrongly() {
    let service = service(PUBLIC).await;
    let envoy = service.envoy().await;
    for path in [
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/.%2e/admin",
        "/public/..;/admin",
        "/public/..;x=1/admin",
        "/public/..%2fadmin",
        "/public%2f..%2fadmin",
        "/public/..%5cadmin",
        "/public/..\\admin",
        "/public//../admin",
        "/public/%252e%252e/admin",
        "/public/%c0%ae%c0%ae/admin",
        "/public;/../admin",
        "/public/.;/../admin",
        "/public/%00/../admin",
        "/public/\u{0}",
        "/public/%0d%0aX:y",
        "//public/x",
        "/public/x#/../admin",
        "/public/a b",
        "public/x",
        "*",
        "",
        "http://a/public/x",
        "/public/%zz",
        "/public/%",
        "/public/a%3b/x",
        "/public/a%3fb",
        "/public/\u{fc}",
        "/./public/x",
        "/public/./x",
        "/public/.",
        "/public/..",
    ] {
        let answer = envoy.check(ClientRequest::plain().to("GET", path)).await;
        assert_eq!(
            (answer.reason().as_str(), answer.http),
            ("invalid_request", 400),
            "{path:?}"
        );
        let answer = envoy.check(with(token()).to("GET", path)).await;
        assert_eq!(answer.reason(), "invalid_request", "with a token, {path:?}");
    }
    for path in [
        "/public",
        "/public/",
        "/public/x?y=/../z",
        "/p%75blic/x",
        "/public/gr%C3%BC%C3%9Fe",
        "/public/.x/...y",
    ] {
        assert_eq!(
            envoy
                .check(ClientRequest::plain().to("GET", path))
                .await
                .reason(),
            "anonymous",
            "{path:?}"
        );
    }
    for path in ["/PUBLIC/x", "/publicx", "/admin?/public/x", "/"] {
        assert_eq!(
            envoy
                .check(ClientRequest::plain().to("GET", path))
                .await
                .reason(),
            "missing_token",
            "{path:?}"
        );
    }
}

#[tokio::test]
async fn a_permitted_ambiguous_path_still_needs_a_token() {
    let service = service(&format!(
        "{PUBLIC}ambiguous_paths: [encoded_slash, parameters]\n"
    ))
    .await;
    let envoy = service.envoy().await;
    for path in ["/public/a%2Fb", "/public/a;v=1", "/public/a%2fb;v"] {
        assert_eq!(
            envoy
                .check(ClientRequest::plain().to("GET", path))
                .await
                .reason(),
            "missing_token",
            "{path}"
        );
        assert_eq!(
            envoy.check(with(token()).to("GET", path)).await.reason(),
            "allowed",
            "{path}"
        );
    }
    for path in [
        "/public/..%2Fadmin",
        "/public/a%2Fb//c",
        "/public/..;/a",
        "/public/%2525",
        "/public/%00%2F",
        "*",
    ] {
        assert_eq!(
            envoy.check(with(token()).to("GET", path)).await.reason(),
            "invalid_request",
            "{path}"
        );
    }
}

/// Matched as it was sent, such a path is not the one that a stricter rule names, though it may be to the API.
#[tokio::test]
async fn a_path_that_evades_a_strict_rule_is_refused_by_a_final_deny_rule() {
    let strict = "rules:\n  - { name: admin, match: { paths: [/admin/**] }, scopes: [admin] }\n";
    let open = service(&format!("{strict}ambiguous_paths: [encoded_slash]\n")).await;
    let closed = "  - { name: rest, access: deny }\nambiguous_paths: [encoded_slash]\n";
    let closed = service(&format!("{strict}{closed}")).await;
    for path in ["/%61dmin/x%2Fy", "/admin%2Fx"] {
        let slips = open.check(with(token()).to("GET", path)).await;
        assert_eq!(
            slips.text("rule").as_deref(),
            Some("default"),
            "why docs/paths.md warns: {path}"
        );
        let refused = closed.check(with(token()).to("GET", path)).await;
        assert_eq!(refused.reason(), "denied_by_rule", "{path}");
    }
    let known = closed.check(with(token()).to("GET", "/admin/x%2Fy")).await;
    assert_eq!(known.reason(), "insufficient_scope");
}

/// Envoy shows bytes outside of ASCII as `!` in `path`, and sends them on.
#[tokio::test]
async fn a_path_that_differs_between_attributes_and_headers_is_refused() {
    let service = service(PUBLIC).await;
    let envoy = service.envoy().await;
    let mut message = ClientRequest::plain()
        .to("GET", "/public/a!")
        .message_in(HeaderForm::HeaderMap);
    let http = message
        .attributes
        .as_mut()
        .unwrap()
        .request
        .as_mut()
        .unwrap()
        .http
        .as_mut()
        .unwrap();
    for header in &mut http.header_map.as_mut().unwrap().headers {
        if header.key == ":path" {
            header.raw_value = b"/public/a\xff".to_vec();
        }
    }
    assert_eq!(envoy.check(message).await.reason(), "invalid_request");
    assert_eq!(
        envoy
            .check(
                ClientRequest::plain()
                    .to("GET", "/public/a!")
                    .message_in(HeaderForm::HeaderMap)
            )
            .await
            .reason(),
        "anonymous"
    );
}

#[tokio::test]
async fn without_rules_on_paths_no_path_is_parsed() {
    let service = service("rules:\n  - { name: read, match: { methods: [GET] } }\n").await;
    assert_eq!(
        service
            .check(with(token()).to("GET", "/a/../b"))
            .await
            .reason(),
        "allowed"
    );
    assert_eq!(
        service
            .check(with(token()).to("OPTIONS", "*").at(""))
            .await
            .reason(),
        "allowed"
    );
}
