//! `/metrics`: the names and labels that dashboards and alerts rely on, and what makes them move.

use std::path::Path;
use std::process::{Command, Stdio};

use super::support::check_request::ClientRequest;
use super::support::eventually::eventually;
use super::support::http_get::get;
use super::support::issuer::{Answer, KeyServer, Reply};
use super::support::keys::{rsa, set};
use super::support::process::{Running, accredit};
use super::support::service::{Service, inline_issuer, issuer_at};
use super::support::token::Token;

const ISSUER: &str = "https://issuer.test";

const RULES: &str = "rules:\n  - { name: open, match: { paths: [/open] }, access: anonymous }\n  \
                     - { name: shut, match: { paths: [/shut] }, access: deny }\n";

fn inline() -> String {
    format!(
        "issuers:\n{}{RULES}",
        inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "")
    )
}

async fn metrics(service: &Service) -> String {
    let (status, text) = get(service.admin, "localhost", "/metrics").await;
    assert_eq!(status, 200);
    text
}

/// The value of the one sample with that name and those labels.
fn sample(text: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    let series = match labels.is_empty() {
        true => name.to_owned(),
        false => format!("{name}{{{}}}", labels.join(",")),
    };
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(&series)?.strip_prefix(' '))?;
    Some(value.parse().expect("is a number"))
}

fn checks(text: &str, decision: &str, reason: &str, issuer: &str, rule: &str) -> f64 {
    let labels = [
        ("decision", decision),
        ("reason", reason),
        ("issuer", issuer),
        ("rule", rule),
    ];
    sample(text, "accredit_checks_total", &labels).unwrap_or(0.0)
}

#[tokio::test]
async fn decisions_are_counted_under_configured_label_values_only() {
    let service = Service::ready(&inline()).await;
    let good = Token::of(ISSUER).signed(rsa(0));
    let stranger = Token::of("https://stranger.test").signed(rsa(0));
    let expired = Token::of(ISSUER).claim("exp", 1).signed(rsa(0));
    let envoy = service.envoy().await;
    for request in [
        ClientRequest::bearer(&good),
        ClientRequest::bearer(&good),
        ClientRequest::bearer(&stranger),
        ClientRequest::bearer(&expired),
        ClientRequest::bearer("no-token"),
        ClientRequest::plain(),
        ClientRequest::plain().path("/open"),
        ClientRequest::plain().path("/shut"),
        ClientRequest::plain().path("//"),
    ] {
        envoy.check(request).await;
    }
    let text = metrics(&service).await;
    for (count, decision, reason, issuer, rule) in [
        (2.0, "allow", "allowed", ISSUER, "default"),
        (1.0, "deny", "unknown_issuer", "unknown", "default"),
        (1.0, "deny", "expired", ISSUER, "default"),
        (1.0, "deny", "malformed_token", "unknown", "default"),
        (1.0, "deny", "missing_token", "none", "default"),
        (1.0, "allow", "anonymous", "none", "open"),
        (1.0, "deny", "denied_by_rule", "none", "shut"),
        (1.0, "deny", "invalid_request", "none", "default"),
    ] {
        assert_eq!(
            checks(&text, decision, reason, issuer, rule),
            count,
            "{reason}\n{text}"
        );
    }
    assert_eq!(
        sample(&text, "accredit_check_duration_seconds_count", &[]),
        Some(9.0)
    );
    assert_eq!(
        sample(&text, "accredit_token_cache_hits_total", &[]),
        Some(1.0)
    );
    // The good one at first, the stranger, the expired one, and the one that is none.
    assert_eq!(
        sample(&text, "accredit_token_cache_misses_total", &[]),
        Some(4.0)
    );
    assert_eq!(
        sample(&text, "accredit_token_cache_entries", &[]),
        Some(1.0)
    );
    assert_eq!(sample(&text, "accredit_checks_in_flight", &[]), Some(0.0));
    assert!(
        !text.contains("stranger") && !text.contains("things"),
        "{text}"
    );
}

#[tokio::test]
async fn metrics_count_the_keys_of_each_issuer() {
    let server = KeyServer::start().await;
    let aside = r#"{"kty":"oct","k":"c2VjcmV0","kid":"s"}"#;
    let key = rsa(0).jwk("k").to_string();
    server.serve(
        "/keys",
        Reply::Answer(Answer::of(200, format!("{{\"keys\":[{key},{aside}]}}"))),
    );
    let configuration = format!(
        "{}  - issuer: https://other.test\n    audiences: [api.test]\n    required: false\n    jwks: {{ uri: '{}' }}\n",
        issuer_at(&server, ""),
        server.url("/nothing")
    );
    let service = Service::ready(&configuration).await;
    let text = eventually("both key servers got requests", async || {
        let text = metrics(&service).await;
        let failed = [("issuer", "https://other.test"), ("result", "failure")];
        (sample(&text, "accredit_jwks_fetches_total", &failed)? >= 1.0).then_some(text)
    })
    .await;
    let issuer = server.url("");
    let (own, other) = (
        [("issuer", issuer.as_str())],
        [("issuer", "https://other.test")],
    );
    assert_eq!(sample(&text, "accredit_jwks_keys", &own), Some(1.0));
    assert_eq!(sample(&text, "accredit_jwks_keys", &other), Some(0.0));
    assert_eq!(sample(&text, "accredit_jwks_missing", &own), Some(0.0));
    assert_eq!(sample(&text, "accredit_jwks_missing", &other), Some(1.0));
    assert!(sample(&text, "accredit_jwks_age_seconds", &own).is_some());
    assert_eq!(sample(&text, "accredit_jwks_age_seconds", &other), None);
    assert_eq!(
        sample(&text, "accredit_jwks_max_stale_seconds", &own),
        Some(86_400.0)
    );
    let symmetric = [("issuer", issuer.as_str()), ("reason", "symmetric")];
    assert_eq!(
        sample(&text, "accredit_jwks_keys_set_aside", &symmetric),
        Some(1.0)
    );
    let success = [("issuer", issuer.as_str()), ("result", "success")];
    assert_eq!(
        sample(&text, "accredit_jwks_fetches_total", &success),
        Some(1.0)
    );
}

#[tokio::test]
async fn reloads_are_counted_and_a_removed_rule_ends_its_series() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    let head = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{head}{}", inline())).expect("is written");
    let path = file.to_str().expect("is UTF-8");
    let mut running = Running::start(&mut accredit(&["serve", "--config", path])).await;
    running.wait_for_line("ready").await;
    running.check(ClientRequest::plain().path("/open")).await;
    let text = || get(running.admin, "localhost", "/metrics");
    let (_, before) = text().await;
    assert_eq!(checks(&before, "allow", "anonymous", "none", "open"), 1.0);
    assert_eq!(
        sample(&before, "accredit_config_last_reload_successful", &[]),
        Some(1.0)
    );

    let reloads = async |result: &str| {
        eventually(result, async || {
            let (_, text) = text().await;
            (sample(
                &text,
                "accredit_config_reloads_total",
                &[("result", result)],
            )? >= 1.0)
                .then_some(text)
        })
        .await
    };
    std::fs::write(&file, "nonsense: true\n").expect("is written");
    let failed = reloads("failure").await;
    assert_eq!(
        sample(&failed, "accredit_config_last_reload_successful", &[]),
        Some(0.0)
    );
    std::fs::write(
        &file,
        format!("{head}{}", inline().replace("open", "opened")),
    )
    .expect("is written");
    let succeeded = reloads("success").await;
    assert_eq!(
        sample(&succeeded, "accredit_config_last_reload_successful", &[]),
        Some(1.0)
    );
    let gone = eventually("the series is gone", async || {
        let (_, text) = text().await;
        (!text.contains("rule=\"open\"")).then_some(())
    });
    gone.await;
}

#[tokio::test]
async fn promtool_accepts_the_metrics() {
    let configuration = format!("probe_listen: 127.0.0.1:0\n{}", inline());
    let service = Service::ready(&configuration).await;
    service.check(ClientRequest::plain()).await;
    let (_, text) = get(
        service.probes.expect("is configured"),
        "localhost",
        "/metrics",
    )
    .await;
    let mut promtool = Command::new(promtool())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("can be run");
    let mut stdin = promtool.stdin.take().expect("is piped");
    std::io::Write::write_all(&mut stdin, text.as_bytes()).expect("is read");
    drop(stdin);
    let output = promtool.wait_with_output().expect("ends");
    let said = format!("{output:?}");
    assert!(
        output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
        "{said}\n{text}"
    );
    assert!(text.contains(concat!(
        "accredit_build_info{version=\"",
        env!("CARGO_PKG_VERSION"),
        "\",commit=\"",
        env!("ACCREDIT_COMMIT"),
        "\"} 1"
    )));
}

/// The promtool that the project's own script provides.
pub(crate) fn promtool() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/promtool.sh");
    let output = Command::new(script).output().expect("can be run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("is UTF-8")
        .trim()
        .to_owned()
}
