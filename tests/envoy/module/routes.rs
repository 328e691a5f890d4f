//! Configurations of routes.

use super::scene::ModuleScene;
use crate::support::config::{ACME, KID, acme};
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{VERSIONS, validate_with};
use accredit_test_support::keys::rsa;
use accredit_test_support::module::ModuleBootstrap;
use accredit_test_support::token::Token;

const RULES: &str = "rules:\n\
    \x20 - { name: open, match: { context: { access: open } }, access: anonymous }\n\
    \x20 - { name: closed, match: { context: { access: closed } }, access: deny }\n";

/// A route with a configuration of its own before the one that every path takes.
fn with_route(bootstrap: ModuleBootstrap, prefix: &str, config: &str) -> ModuleBootstrap {
    let all = "        - match: { prefix: / }\n";
    let route = format!(
        "        - match: {{ prefix: {prefix} }}\n                          \
         route: {{ cluster: api }}\n                          \
         typed_per_filter_config:\n                            \
         envoy.filters.http.dynamic_modules:\n                              \
         \"@type\": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute\n                              \
         dynamic_module_config: {{ module: {{ local: {{ filename: /usr/lib/envoy/modules/libaccredit-0.1.0.so }} }}, do_not_close: true }}\n                              \
         per_route_config_name: accredit\n                              \
         filter_config: {{ \"@type\": type.googleapis.com/google.protobuf.StringValue, value: \"{config}\" }}\n"
    );
    let indent = "                ";
    bootstrap.change(
        &format!("{indent}{all}"),
        &format!("{indent}{route}{indent}{all}"),
    )
}

#[tokio::test]
async fn the_configuration_of_a_route_gives_the_context_or_turns_the_check_off() {
    let config = format!("{}{RULES}", acme(&[]));
    for version in VERSIONS {
        println!("{version}");
        for (route, path, status, reason) in [
            ("context: { access: open }", "/route/a", 200, "anonymous"),
            (
                "context: { access: closed }",
                "/route/a",
                403,
                "denied_by_rule",
            ),
            (
                "context: { access: other }",
                "/route/a",
                401,
                "missing_token",
            ),
            ("{}", "/route/a", 401, "missing_token"),
            // The other route has no context.
            ("context: { access: open }", "/other", 401, "missing_token"),
        ] {
            let scene = ModuleScene::start_with(version, &config, |bootstrap| {
                with_route(bootstrap, "/route", route)
            })
            .await;
            let answer = RawRequest::get(path).send(scene.envoy.address()).await;
            let log = scene.next_log().await;
            assert_eq!(answer.status, status, "{route}: {log}");
            assert_eq!(log["reason"], reason, "{route}: {log}");
        }
        let scene = ModuleScene::start_with(version, &config, |bootstrap| {
            with_route(bootstrap, "/route", "disabled: true")
        })
        .await;
        let unchecked = RawRequest::get("/route/a")
            .send(scene.envoy.address())
            .await;
        assert_eq!(unchecked.status, 200);
        let log = scene.next_log().await;
        assert_eq!(log["decision"], serde_json::Value::Null, "{log}");
        scene
            .refused(RawRequest::get("/other"), "missing_token")
            .await;
        let token = Token::of_client(ACME, KID).signed(rsa(0));
        scene
            .admitted(RawRequest::get("/other").bearer(&token))
            .await;
    }
}

/// Nothing verified them. Envoy's own early removal is off, so that the module alone removes them.
#[tokio::test]
async fn a_route_without_checks_lets_no_claim_header_pass_envoy() {
    let config = format!("strip_headers: ['x-jwt-*', X-Internal-User]\n{}", acme(&[]));
    for version in VERSIONS {
        let scene = ModuleScene::start_with(version, &config, |mut bootstrap| {
            bootstrap.early_removal = false;
            bootstrap.underscores = true;
            with_route(bootstrap, "/route", "disabled: true")
        })
        .await;
        let mut request = RawRequest::new("POST", "/route/a").body("hello");
        for name in [
            "x-jwt-sub",
            "X_JWT_Sub",
            "x.jwt.sub",
            "x-jwt-anything",
            "x-internal-user",
            "x-internal_user",
            "x-envoy-auth-failure-mode-allowed",
        ] {
            request = request.header(name, "forged").header(name, "forged");
        }
        let request = request.header("x-kept", "kept").bearer("garbage");
        let answer = request.send(scene.envoy.address()).await;
        assert_eq!(answer.status, 200, "{version}: {answer:?}");
        let seen = scene.upstream.last_request().unwrap();
        for (name, value) in &seen.headers {
            let value = String::from_utf8_lossy(value);
            assert!(!value.contains("forged"), "{version}: {name}");
        }
        assert_eq!(seen.header("x-kept").unwrap(), "kept");
        assert_eq!(seen.header("authorization").unwrap(), "Bearer garbage");
        assert_eq!(seen.body, b"hello");
    }
}

#[tokio::test]
async fn envoy_refuses_a_route_whose_configuration_is_wrong() {
    let upstream = accredit_test_support::ports::free_address();
    for version in VERSIONS {
        let bootstrap = |config: &str| {
            let bootstrap = ModuleBootstrap::new(&acme(&[]), upstream).of_version(version);
            with_route(bootstrap, "/route", config).render()
        };
        assert_eq!(validate_with(version, &bootstrap("disabled: true")), Ok(()));
        for wrong in [
            "disabled: false",
            "Disabled: true",
            "context: { a: 1 }",
            "[",
        ] {
            let error = validate_with(version, &bootstrap(wrong)).unwrap_err();
            assert!(error.contains("accredit: "), "{wrong}: {error}");
        }
    }
}
