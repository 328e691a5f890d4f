//! The metrics of the module in Envoy's statistics, and the values of `metadata`.

use serde_json::json;

use super::scene::ModuleScene;
use crate::support::config::{ACME, KID, acme};
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{PINNED, VERSIONS};
use accredit_test_support::eventually::eventually;
use accredit_test_support::keys::rsa;
use accredit_test_support::token::Token;

#[tokio::test]
async fn the_statistics_of_envoy_have_the_metrics_of_the_module() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("revoked.yaml");
    std::fs::write(&list, "[]\n").unwrap();
    let config = format!("revoked: {{ file: {} }}\n{}", list.display(), acme(&[]));
    for version in VERSIONS {
        println!("{version}");
        let scene = ModuleScene::start(version, &config).await;
        let token = Token::of_client(ACME, KID).signed(rsa(0));
        for _ in 0..3 {
            scene.admitted(RawRequest::get("/a").bearer(&token)).await;
        }
        scene.refused(RawRequest::get("/a"), "missing_token").await;
        let series = |name: &str, labels: &[(&str, &str)]| {
            let labels = labels.iter();
            let labels = labels.map(|(name, value)| format!("{name}=\"{value}\""));
            format!("{name}{{{}}}", labels.collect::<Vec<_>>().join(","))
        };
        let expected = [
            (
                series(
                    "accredit_checks",
                    &[
                        ("decision", "allow"),
                        ("reason", "allowed"),
                        ("issuer", ACME),
                        ("rule", "default"),
                    ],
                ),
                "3",
            ),
            (
                series(
                    "accredit_checks",
                    &[
                        ("decision", "deny"),
                        ("reason", "missing_token"),
                        ("issuer", "none"),
                        ("rule", "default"),
                    ],
                ),
                "1",
            ),
            (series("accredit_jwks_keys", &[("issuer", ACME)]), "1"),
            (series("accredit_jwks_missing", &[("issuer", ACME)]), "0"),
            (series("accredit_token_cache_hits", &[]), "2"),
            (series("accredit_token_cache_misses", &[]), "1"),
            (series("accredit_token_cache_entries", &[]), "1"),
            (series("accredit_deny_list_entries", &[]), "0"),
            (series("accredit_used_proofs", &[]), "0"),
            (series("accredit_panics", &[]), "0"),
        ];
        // Envoy updates them at intervals.
        for (series, value) in expected {
            eventually(&format!("{version}: {series} is {value}"), async || {
                let page = scene.page("/stats/prometheus").await;
                let line = page.lines().find(|line| line.contains(&series))?;
                line.ends_with(&format!(" {value}")).then_some(())
            })
            .await;
        }
        assert!(scene.envoy.terminate().await, "{version}");
    }
}

#[tokio::test]
async fn access_logs_of_envoy_have_the_values_of_metadata() {
    let field = |name: &str| {
        format!(
            "{name}: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:{name})%\"\n                          "
        )
    };
    let values = "metadata: { limit: claims.limit, tiers: claims.tiers }\n";
    let token = Token::of_client(ACME, KID)
        .claim("limit", 7)
        .claim("tiers", json!(["a", "b"]))
        .signed(rsa(0));
    for (form, version, tiers) in [
        ("flat", VERSIONS[0], json!("a b")),
        ("full", PINNED, json!(["a", "b"])),
    ] {
        let yaml = format!("metadata_form: {form}\n{values}{}", acme(&[]));
        let scene = ModuleScene::start_with(version, &yaml, |bootstrap| {
            let rule = "rule: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:rule)%\"";
            bootstrap.change(rule, &format!("{}{}{rule}", field("limit"), field("tiers")))
        })
        .await;
        let request = RawRequest::get("/").bearer(&token);
        assert_eq!(request.send(scene.envoy.address()).await.status, 200);
        let log = scene.next_log().await;
        assert_eq!((&log["limit"], &log["tiers"]), (&json!(7), &tiers), "{log}");
    }
}
