//! What every file in `deploy/envoy/` has, those that are added later included: each safety setting with its reason.

use accredit_test_support::bootstrap::{all_shipped, shipped};
use accredit_test_support::certificates::Authority;
use accredit_test_support::envoy::validate;
use accredit_test_support::secret::{GATEWAY, Secret};

/// What must be there, as it is written in envoy.yaml. safety.rs and replicas.rs show what each is for.
const SETTINGS: [&str; 30] = [
    "normalize_path: true",
    "merge_slashes: true",
    "path_with_escaped_slashes_action: REJECT_REQUEST",
    "headers_with_underscores_action: REJECT_REQUEST",
    "use_remote_address: true",
    "early_header_mutation_extensions:",
    "- remove_on_match: { key_matcher: { prefix: x-jwt-, ignore_case: true } }",
    "- remove: x-envoy-auth-failure-mode-allowed",
    "- remove: x-original-url",
    "- remove: x-rewrite-url",
    "- remove: x-http-method-override",
    "path: \"%PATH(NQ)%\"",
    "timeout: 1s",
    "retry_on: connect-failure,reset,unavailable",
    "num_retries: 4",
    "retry_back_off: { base_interval: 0.025s, max_interval: 10s }",
    "failure_mode_allow: false",
    "status_on_error: { code: ServiceUnavailable }",
    "validate_mutations: true",
    "encode_raw_headers: true",
    "disallow_system: true",
    "disallow_is_error: true",
    "allow_expression: { regex: \"^(:path|x.envoy.auth.failure.mode.allowed)$\" }",
    "- remove_on_match: { key_matcher: { safe_regex: { regex: \".*\" } } }",
    "lb_policy: LEAST_REQUEST",
    "grpc_health_check: { service_name: envoy.service.auth.v3.Authorization }",
    "consecutive_local_origin_failure: 1",
    "common_lb_config: { update_merge_window: 0s }",
    "connection_keepalive: { interval: 30s, timeout: 5s }",
    "- max_requests: 100000",
];

/// What opens a way around the check, wherever it stands. The filter of CORS has a word with `allow_` too, so each is whole.
const NEVER: [&str; 9] = [
    "allowed_headers:",
    "disallowed_headers:",
    "clear_route_cache:",
    "disabled:",
    "filter_enabled:",
    "filter_enabled_metadata:",
    "allow_all_routing:",
    "allow_envoy:",
    "admin:",
];

/// What a file lacks of what each has to have, or has that none may.
fn faults(text: &str) -> Vec<String> {
    let settings: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .collect();
    let name = |line: &str| {
        line.split_inclusive(": ")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let mut faults = Vec::new();
    for wanted in SETTINGS {
        let as_written = settings.iter().filter(|line| **line == wanted).count();
        // Said twice, one of them is not heard.
        let key = name(wanted);
        let named = settings.iter().filter(|line| name(line) == key).count();
        let is_shared =
            ["timeout:", "path:", "- remove:", "- remove_on_match:"].contains(&key.as_str());
        if as_written != 1 || (named != 1 && !is_shared) {
            faults.push(format!(
                "`{wanted}` {as_written} times, `{key}` {named} times"
            ));
        }
    }
    for never in NEVER {
        let has = |line: &&str| line.split([' ', '{', ',']).any(|word| word == never);
        faults.extend(
            settings
                .iter()
                .copied()
                .filter(has)
                .map(|line| format!("`{line}`")),
        );
    }
    faults.extend(missing_lines(text));
    faults
}

/// The first line of envoy.yaml, below its head, that does not follow the ones before it: a setting or its reason.
fn missing_lines(text: &str) -> Option<String> {
    let (base, theirs) = (shipped("envoy.yaml"), body(text));
    let address = "address: { socket_address: { address: 127.0.0.1, port_value: 9191 } }";
    let mut lines = theirs.lines();
    body(&base)
        .lines()
        // Where accredit is, is for each to say.
        .filter(|line| line.trim() != address)
        .find(|wanted| !lines.any(|line| line == *wanted))
        .map(|line| format!("not in the place that it has in envoy.yaml: `{line}`"))
}

fn body(text: &str) -> &str {
    &text[text.find("static_resources:").unwrap()..]
}

#[test]
fn every_shipped_envoy_file_has_every_safety_setting_with_its_reason() {
    let files = all_shipped();
    assert!(files.len() >= 7, "{files:?}");
    for name in files {
        assert_eq!(faults(&shipped(&name)), [""; 0], "{name}");
    }
}

#[test]
fn a_missing_safety_setting_is_detected() {
    for name in all_shipped() {
        let text = shipped(&name);
        for wanted in SETTINGS {
            let line = |line: &&str| line.trim() != wanted;
            let without: Vec<&str> = text.lines().filter(line).collect();
            let faults = faults(&without.join("\n"));
            assert!(faults.len() >= 2, "{name} without `{wanted}`: {faults:?}");
        }
        for never in NEVER {
            let v3 = "transport_api_version: V3";
            let with = text.replacen(v3, &format!("{v3}\n                      {never} true"), 1);
            assert_eq!(faults(&with).len(), 1, "{name} with `{never}`");
        }
    }
    let text = shipped("envoy.yaml");
    let twice = text.replacen(
        "normalize_path: true",
        "normalize_path: true\n                normalize_path: false",
        1,
    );
    assert_eq!(faults(&twice).len(), 1);
    let reason = "# accredit must check the path that the API serves. So Envoy resolves dot";
    assert_eq!(faults(&text.replacen(reason, "#", 1)).len(), 1);
}

#[test]
fn envoy_accepts_every_shipped_file() {
    // One of them names files, which have to be there.
    let authority = Authority::new();
    let secret = Secret::new(&authority.certify(GATEWAY), authority.pem());
    let folder = secret.as_envoys();
    let moved = format!("{}/", folder.path().display());
    for name in all_shipped() {
        let text = shipped(&name).replace("/etc/envoy/", &moved);
        assert_eq!(validate(&text), Ok(()), "{name}");
    }
    assert!(validate(&shipped("envoy.yaml").replace("normalize_path", "normalise_path")).is_err());
}

#[test]
fn the_guide_lists_every_shipped_envoy_file() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("docs/envoy.md")).unwrap();
    for name in all_shipped() {
        let listed = format!("| [{name}](../deploy/envoy/{name})");
        assert_eq!(guide.matches(&listed).count(), 1, "{name}");
    }
}

#[test]
fn the_mutual_tls_file_differs_only_in_the_transport_socket() {
    let (plain, secured) = (shipped("envoy.yaml"), shipped("envoy-mtls.yaml"));
    let secured = body(&secured);
    let begins = secured.find("      transport_socket:\n").unwrap();
    let ends = secured
        .find("      load_assignment:\n        cluster_name: accredit\n")
        .unwrap();
    assert_eq!(
        body(&plain),
        format!("{}{}", &secured[..begins], &secured[ends..])
    );
}

#[test]
fn the_unix_socket_file_differs_only_in_the_address() {
    let tcp = "socket_address: { address: 127.0.0.1, port_value: 9191 }";
    let unix = "pipe: { path: /run/accredit/accredit.sock }";
    assert_eq!(
        body(&shipped("envoy.yaml")).replacen(tcp, unix, 1),
        body(&shipped("envoy-unix.yaml"))
    );
}
