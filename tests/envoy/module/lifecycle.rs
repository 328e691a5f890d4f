//! Configurations that begin, change and are refused; readiness; and the pages on Envoy's admin.

use serde_json::Value;

use super::scene::ModuleScene;
use crate::support::config::{ACME, KID, acme};
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{EnvoyProcess, PINNED, VERSIONS, validate_with};
use accredit_test_support::eventually::eventually;
use accredit_test_support::issuer::{Answer, KeyServer, Reply};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::module::ModuleBootstrap;
use accredit_test_support::ports::free_address;
use accredit_test_support::token::Token;
use accredit_test_support::upstream::EchoUpstream;

fn token() -> String {
    Token::of_client(ACME, KID).signed(rsa(0))
}

#[tokio::test]
async fn envoy_refuses_a_wrong_configuration_and_its_log_has_the_reason() {
    for version in VERSIONS {
        for (lines, problem) in [
            (
                "listen: 0.0.0.0:9191",
                "listen (line 1): this key has no meaning inside Envoy",
            ),
            (
                "unavailable: defer",
                "unavailable (line 1): `defer` has no meaning inside Envoy",
            ),
            (
                "metadata_form: nested",
                "metadata_form (line 1): this is not a form",
            ),
            ("relm: api", "relm (line 1): unknown key"),
            ("realm: [", "the YAML cannot be read"),
        ] {
            let config = format!("{lines}\n{}", acme(&[]));
            let bootstrap = ModuleBootstrap::new(&config, free_address()).of_version(version);
            let error = validate_with(version, &bootstrap.render()).unwrap_err();
            assert!(error.contains(problem), "{lines}: {error}");
        }
        let absent = ModuleBootstrap::new("config: /nonexistent/accredit.yaml", free_address())
            .of_version(version);
        let error = validate_with(version, &absent.render()).unwrap_err();
        assert!(error.contains("/nonexistent/accredit.yaml: "), "{error}");
        let named = ModuleBootstrap::new(&acme(&[]), free_address())
            .of_version(version)
            .change(
                "      filter_name: accredit\n",
                "      filter_name: other\n",
            );
        assert!(validate_with(version, &named.render()).is_err());
        let good = ModuleBootstrap::new(&acme(&[]), free_address()).of_version(version);
        assert_eq!(validate_with(version, &good.render()), Ok(()));
    }
}

#[tokio::test]
async fn nested_metadata_needs_an_envoy_that_can_set_it() {
    let config = format!("metadata_form: full\n{}", acme(&[]));
    for version in VERSIONS {
        let bootstrap = ModuleBootstrap::new(&config, free_address()).of_version(version);
        let result = validate_with(version, &bootstrap.render());
        assert_eq!(result.is_ok(), version == PINNED, "{version}: {result:?}");
    }
}

#[tokio::test]
async fn a_configuration_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let write = |realm: &str| std::fs::write(&file, format!("realm: {realm}\n{}", acme(&[])));
    write("first").unwrap();
    let config = format!("{{ config: {} }}", file.display());
    let scene = ModuleScene::start(PINNED, &config).await;
    let challenge = async || {
        let answer = RawRequest::get("/").send(scene.envoy.address()).await;
        answer.header("www-authenticate").unwrap().to_owned()
    };
    assert_eq!(challenge().await, "Bearer realm=\"first\"");
    write("second").unwrap();
    eventually("the second configuration decides", async || {
        (challenge().await == "Bearer realm=\"second\"").then_some(())
    })
    .await;
    std::fs::write(&file, "realm: third\nlisten: 0.0.0.0:1\n").unwrap();
    eventually("the log has the reason", async || {
        let log = scene.envoy.log();
        log.contains("listen (line 2): this key has no meaning inside Envoy")
            .then_some(())
    })
    .await;
    assert_eq!(challenge().await, "Bearer realm=\"second\"");
    write("fourth").unwrap();
    eventually("the fourth configuration decides", async || {
        (challenge().await == "Bearer realm=\"fourth\"").then_some(())
    })
    .await;
    let token = token();
    let answer = RawRequest::get("/")
        .bearer(&token)
        .send(scene.envoy.address())
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_token_on_the_deny_list_is_refused_inside_envoy_too() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("revoked.yaml");
    std::fs::write(&list, "[]\n").unwrap();
    let config = format!("revoked: {{ file: {} }}\n{}", list.display(), acme(&[]));
    let scene = ModuleScene::start(PINNED, &config).await;
    let token = token();
    let status = async || {
        let request = RawRequest::get("/").bearer(&token);
        request.send(scene.envoy.address()).await.status
    };
    assert_eq!(status().await, 200);
    let entry = format!("- {{ issuer: {ACME}, sub: m2morg_1001 }}\n");
    std::fs::write(&list, entry).unwrap();
    eventually("the token is refused", async || {
        (status().await == 401).then_some(())
    })
    .await;
    let denials = scene.counter("accredit_denials.reason.revoked").await;
    assert!(denials >= Some(1), "{denials:?}");
}

#[tokio::test]
async fn envoy_is_not_ready_before_the_keys_have_come() {
    for version in VERSIONS {
        println!("{version}");
        let permits = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
        let answer = Answer::of(200, set([rsa(0).jwk("k")]));
        let keys = KeyServer::with_keys(Reply::When(permits.clone(), answer)).await;
        let (issuer, uri) = (keys.url(""), keys.url("/keys"));
        let config = format!(
            "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}', timeout: 19s }}\n"
        );
        let upstream = EchoUpstream::start().await;
        let bootstrap = ModuleBootstrap::new(&config, upstream.address()).of_version(version);
        let mut envoy = EnvoyProcess::spawn(version, &bootstrap.render(), bootstrap.listener);
        keys.wait_for_requests("/keys", 1).await;
        let ready = async || {
            let request = RawRequest::get("/ready").host(Some(b"localhost"));
            request.send(bootstrap.admin).await.status
        };
        eventually("the admin answers", async || {
            let connected = tokio::net::TcpStream::connect(bootstrap.admin).await;
            connected.ok().map(drop)
        })
        .await;
        assert_eq!(ready().await, 503, "{version}");
        permits.add_permits(1);
        eventually("Envoy is ready", async || {
            (ready().await == 200).then_some(())
        })
        .await;
        envoy.wait_until_it_accepts().await;
        let token = Token::of(&keys.url("")).signed(rsa(0));
        let answer = RawRequest::get("/")
            .bearer(&token)
            .send(envoy.address())
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(keys.count("/keys"), 1);
    }
}

#[tokio::test]
async fn the_admin_of_envoy_shows_issuers_and_last_refusals() {
    for version in VERSIONS {
        println!("{version}");
        let scene = ModuleScene::start(version, &acme(&[])).await;
        // The counters exist before the first request.
        assert_eq!(scene.counter("accredit_allowed").await, Some(0));
        assert_eq!(scene.counter("accredit_denied").await, Some(0));
        let series = format!("{}{{}} 0", series_of_the_alert());
        let prometheus = scene.page("/stats/prometheus").await;
        assert!(
            prometheus.lines().any(|line| line == series),
            "{series}: {prometheus}"
        );
        let refused = RawRequest::get("/secret?token=1").header("x-request-id", "id-1");
        scene.refused(refused, "missing_token").await;
        scene.admitted(RawRequest::get("/").bearer(&token())).await;
        let state: Value = serde_json::from_str(&scene.page("/accredit").await).unwrap();
        assert_eq!(state["ready"], true, "{state}");
        let configuration = &state["configurations"][0];
        assert_eq!(configuration["issuers"][0]["issuers"][0], ACME);
        assert_eq!(configuration["issuers"][0]["keys"], 1);
        let refusal = &state["last_refusals"][0];
        assert_eq!(refusal["reason"], "missing_token");
        assert_eq!(refusal["path"], "/secret");
        let metrics = scene.page("/accredit/metrics").await;
        let line = format!(
            "accredit_checks_total{{decision=\"allow\",reason=\"allowed\",issuer=\"{ACME}\",rule=\"default\"}} 1"
        );
        assert!(metrics.lines().any(|own| own == line), "{metrics}");
        let line = format!("accredit_jwks_keys{{issuer=\"{ACME}\"}} 1");
        assert!(
            metrics.lines().any(|own| own.starts_with(&line)),
            "{metrics}"
        );
    }
}

/// The name of the counter whose absence is the alert of `deploy/module`.
fn series_of_the_alert() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/module");
    let rules = std::fs::read_to_string(folder.join("accredit-module.rules.yaml")).unwrap();
    let (_, rest) = rules.split_once(" unless on (job, instance) ").unwrap();
    rest.lines().next().unwrap().to_owned()
}

/// The log of Envoy has a refusal without the token and without the query.
#[tokio::test]
async fn a_refusal_is_a_json_line_in_the_log_of_envoy() {
    let scene = ModuleScene::start(PINNED, &acme(&[])).await;
    let token = Token::of_client(ACME, KID).signed(rsa(1));
    let request = RawRequest::get("/path?token=secret").bearer(&token);
    scene.refused(request, "invalid_signature").await;
    let set_level =
        RawRequest::new("POST", "/logging?dynamic_modules=info").host(Some(b"localhost"));
    assert_eq!(set_level.send(scene.bootstrap.admin).await.status, 200);
    let request = RawRequest::get("/path?token=secret").bearer(&token);
    scene.refused(request, "invalid_signature").await;
    let line = eventually("the log has the refusal", async || {
        let log = scene.envoy.log();
        let line = log.lines().find(|line| line.contains("request denied"))?;
        Some(line[line.find('{')?..].to_owned())
    })
    .await;
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["reason"], "invalid_signature");
    assert_eq!(line["path"], "/path");
    let log = scene.envoy.log();
    assert!(!log.contains("secret") && !log.contains(&token));
}
