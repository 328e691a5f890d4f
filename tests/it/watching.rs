//! What is shipped to watch the service with: alert rules, the dashboard, and the pages that explain them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use accredit_core::reason::Reason;
use serde_json::Value;

use super::metrics::promtool;
use super::support::check_request::ClientRequest;
use super::support::eventually::eventually;
use super::support::http_get::get;
use super::support::keys::{rsa, set};
use super::support::otlp::Receiver;
use super::support::process::{Running, accredit};

/// The files with alerts, for the service and for the module, without their ending. Each has a file with tests beside it.
const RULES: [&str; 2] = [
    "deploy/prometheus/accredit.rules",
    "deploy/module/accredit-module.rules",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a service in which every feature is on has at `/metrics`.
async fn exposition() -> String {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let keys = set([
        rsa(0).jwk("k"),
        serde_json::json!({ "kty": "oct", "k": "AA" }),
    ]);
    let (file, config) = (
        folder.path().join("keys.json"),
        folder.path().join("accredit.yaml"),
    );
    std::fs::write(&file, keys).expect("is written");
    let revoked = folder.path().join("revoked.yaml");
    std::fs::write(&revoked, "[]").expect("is written");
    let rules = folder.path().join("team.yaml");
    std::fs::write(&rules, "[]").expect("is written");
    let yaml = format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nissuers:\n  - issuer: https://issuer.test\n    \
         audiences: [a]\n    jwks: {{ file: '{}' }}\nrevoked: {{ file: '{}' }}\nrules: [{{ match: {{ paths: [/trial] }}, scopes: [a], shadow: {{ until: 2999-01-01 }} }}]\nrules_from: [{{ files: '{}', paths: [/team/**] }}]\nreplay: {{ redis: 'redis://127.0.0.1:1' }}\n",
        file.display(),
        revoked.display(),
        rules.display()
    );
    std::fs::write(&config, yaml).expect("is written");
    let mut command = accredit(&["serve", "--config", config.to_str().expect("is UTF-8")]);
    command.env(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        format!("http://{}", receiver.address),
    );
    let mut running = Running::start(&mut command).await;
    running.wait_for_line("\"ready\"").await;
    running.check(ClientRequest::plain()).await;
    eventually("the decision is counted", async || {
        let (_, text) = get(running.admin, "localhost", "/metrics").await;
        text.contains("accredit_checks_total{").then_some(text)
    })
    .await
}

/// The names of its series.
fn names(exposition: &str) -> BTreeSet<String> {
    let samples = exposition.lines().filter(|line| !line.starts_with('#'));
    samples
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(str::to_owned)
        .collect()
}

/// A row for each family: its name, type, labels and help text.
fn reference(exposition: &str) -> String {
    let mut rows = BTreeSet::new();
    for line in exposition.lines() {
        let Some((name, help)) = line
            .strip_prefix("# HELP ")
            .and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        let prefix = format!("# TYPE {name} ");
        let kind = exposition
            .lines()
            .find_map(|line| line.strip_prefix(&prefix));
        let labels: BTreeSet<_> = exposition
            .lines()
            .filter_map(|line| {
                let rest = line.strip_prefix(name)?;
                let rest = rest.strip_prefix("_bucket").unwrap_or(rest);
                rest.strip_prefix('{')?.rsplit_once('}')
            })
            .flat_map(|(labels, _)| labels.split(','))
            .filter_map(|label| label.split_once('='))
            .map(|(label, _)| format!("`{label}`"))
            .collect();
        let labels = labels.into_iter().collect::<Vec<_>>().join(", ");
        let kind = kind.expect("has a type");
        rows.insert(format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    rows.into_iter().collect()
}

/// `ACCREDIT_REWRITE_EXPECTED=1` writes the table anew.
#[tokio::test]
async fn the_metrics_reference_has_every_metric_with_its_help_text() {
    let file = root().join("docs/metrics.md");
    let text = text("docs/metrics.md");
    let mark = "| --- | --- | --- | --- |\n";
    let (before, after) = text.split_once(mark).expect("has a table");
    let expected = reference(&exposition().await);
    if std::env::var_os("ACCREDIT_REWRITE_EXPECTED").is_some() {
        std::fs::write(&file, format!("{before}{mark}{expected}")).expect("is written");
        return;
    }
    assert_eq!(after, expected, "set ACCREDIT_REWRITE_EXPECTED=1");
}

/// Every metric of accredit that a text names.
fn named(text: &str) -> BTreeSet<String> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .filter(|word| word.starts_with("accredit_"))
        .map(str::to_owned)
        .collect()
}

/// The values of every member of that name, however deep.
fn members(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (own, value) in object {
                match value {
                    Value::String(text) if own == name => found.push(text.clone()),
                    other => members(other, name, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| members(value, name, found)),
        _ => {}
    }
}

#[tokio::test]
async fn rules_dashboard_and_docs_name_metrics_that_exist() {
    let names = names(&exposition().await);
    let dashboard: Value =
        serde_json::from_str(&text("deploy/grafana/accredit.json")).expect("is JSON");
    let mut queries = Vec::new();
    members(&dashboard, "expr", &mut queries);
    assert!(queries.len() > 10, "{queries:?}");
    members(&dashboard, "query", &mut queries);
    let mut used = BTreeSet::new();
    for source in [
        queries.join("\n"),
        text("deploy/prometheus/accredit.rules.yaml"),
        text("docs/observability.md"),
    ] {
        let own = named(&source);
        assert!(!own.is_empty());
        used.extend(own);
    }
    let unknown: Vec<_> = used.difference(&names).collect();
    assert!(unknown.is_empty(), "{unknown:?} are none of {names:#?}");
    // The documentation names a histogram, not its parts.
    let result = named(&(text("docs/observability.md") + &text("docs/metrics.md")));
    let untold: Vec<_> = names
        .iter()
        .filter(|name| !["_sum", "_count"].iter().any(|part| name.ends_with(part)))
        .filter(|name| !result.contains(*name))
        .collect();
    assert!(
        untold.is_empty(),
        "neither docs/observability.md nor docs/metrics.md names {untold:?}"
    );
}

#[test]
fn every_query_of_the_dashboard_is_valid_promql() {
    let dashboard: Value =
        serde_json::from_str(&text("deploy/grafana/accredit.json")).expect("is JSON");
    let mut queries = Vec::new();
    members(&dashboard, "expr", &mut queries);
    let rules: Vec<_> = queries
        .iter()
        .enumerate()
        .map(|(number, query)| {
            let query = query
                .replace("$__rate_interval", "5m")
                .replace("$job", "b")
                .replace("$instance", "a");
            serde_json::json!({ "record": format!("query:{number}"), "expr": query })
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yaml");
    let groups = serde_json::json!({ "groups": [{ "name": "queries", "rules": rules }] });
    std::fs::write(&file, groups.to_string()).expect("is written");
    run_promtool(&["check", "rules", file.to_str().expect("is UTF-8")]);
}

#[test]
fn every_panel_of_the_dashboard_is_described_and_selects_job_and_instance() {
    let dashboard: Value =
        serde_json::from_str(&text("deploy/grafana/accredit.json")).expect("is JSON");
    let list = |pointer: &str| {
        let value = dashboard.pointer(pointer).and_then(Value::as_array);
        value
            .cloned()
            .unwrap_or_else(|| panic!("{pointer} is missing"))
    };
    let names: Vec<_> = list("/templating/list")
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["datasource", "job", "instance"]);
    let panels = list("/panels");
    let mut queries: Vec<Value> = list("/annotations/list");
    for panel in &panels {
        let description = panel["description"].as_str().unwrap_or_default();
        assert!(
            description.len() > 20,
            "{}: {description:?}",
            panel["title"]
        );
        queries.extend(panel["targets"].as_array().into_iter().flatten().cloned());
    }
    for query in &queries {
        let query = query["expr"].as_str().expect("is a query");
        let selections = query.matches("job=~\"$job\",instance=~\"$instance\"}");
        assert_eq!(
            query.matches("accredit_").count(),
            selections.count(),
            "{query}"
        );
    }
    let place = |panel: &Value, side: &str| panel["gridPos"][side].as_u64().expect("is a number");
    let stats: Vec<_> = panels
        .iter()
        .filter(|panel| panel["type"] == "stat")
        .collect();
    assert!(stats.iter().all(|panel| place(panel, "y") == 0));
    assert_eq!(stats.iter().map(|panel| place(panel, "w")).sum::<u64>(), 24);
    for (number, one) in panels.iter().enumerate() {
        for other in &panels[number + 1..] {
            let apart = |side, length| {
                place(one, side) + place(one, length) <= place(other, side)
                    || place(other, side) + place(other, length) <= place(one, side)
            };
            assert!(
                apart("x", "w") || apart("y", "h"),
                "{} covers {}",
                one["title"],
                other["title"]
            );
        }
    }
}

#[test]
fn each_alert_has_a_severity_and_the_path_of_its_runbook() {
    let rules = RULES.map(|file| text(&format!("{file}.yaml")));
    let alerts = rules
        .iter()
        .flat_map(|rules| rules.split("- alert: ").skip(1));
    for alert in alerts {
        let name = alert.lines().next().expect("has a name");
        let has = |line: &str| alert.lines().any(|own| own.trim() == line);
        assert!(
            has("labels: { severity: critical }") || has("labels: { severity: warning }"),
            "{name}"
        );
        assert!(
            has(&format!("runbook_url: docs/runbooks/{name}.md")),
            "{name}"
        );
    }
}

#[test]
fn the_alert_rules_pass_their_promtool_tests() {
    for file in RULES {
        let (rules, tests) = (format!("{file}.yaml"), format!("{file}.test.yaml"));
        run_promtool(&["check", "rules", &rules]);
        run_promtool(&["test", "rules", &tests]);
        let tested = text(&tests);
        for line in text(&rules).lines() {
            if let Some(alert) = line.trim().strip_prefix("- alert: ") {
                assert!(
                    tested.contains(&format!("alertname: {alert}")),
                    "{alert} is not tested"
                );
            }
        }
    }
}

#[test]
fn the_troubleshooting_page_has_exactly_the_known_reasons() {
    let page = text("docs/troubleshooting.md");
    let result: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .collect();
    assert_eq!(result, Reason::denials().map(Reason::as_str).collect());
    for part in page.split("\n### `").skip(1) {
        for word in [
            "**Meaning.**",
            "**Usual causes.**",
            "**Confirm.**",
            "**Fix.**",
        ] {
            assert!(
                part.contains(word),
                "{word} is missing of {:?}",
                part.lines().next()
            );
        }
    }
}

fn run_promtool(arguments: &[&str]) {
    let output = Command::new(promtool())
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("can be run");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}
