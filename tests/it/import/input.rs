//! Files, standard input, and what is no input.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

use super::common::{ISSUER, import, import_files, keys};
use crate::support::eventually::within;
use crate::support::process::accredit;

#[tokio::test]
async fn several_files_and_documents_are_read_together() {
    let policy = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: p }\n\
        spec: { rules: [{ from: [{ source: { requestPrincipals: ['*'] } }] }] }\n";
    let authentication = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{{\"apiVersion\": \"security.istio.io/v1beta1\", \"kind\": \
         \"RequestAuthentication\", \"metadata\": {{\"name\": \"a\"}}, \"spec\": {{\"jwt_rules\": [{{\"issuer\": \"{ISSUER}\", \"jwks\": \
         {}}}]}}}}]}}",
        serde_json::Value::from(keys())
    );
    let ended = import_files(&[policy, &authentication]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("access: token"), "{}", ended.stdout);
}

/// A result is for one origin, and for one workload of Istio.
#[tokio::test]
async fn what_a_result_is_not_for_is_named() {
    let istio = |kind: &str, name: &str, spec: &str| {
        format!(
            "---\napiVersion: security.istio.io/v1\nkind: {kind}\nmetadata: {{ name: {name}, namespace: api }}\nspec: {spec}\n"
        )
    };
    let rule = format!("{{ jwtRules: [{{ issuer: {ISSUER}, jwks: 'KEYS' }}] }}");
    let authentication = istio("RequestAuthentication", "a", &rule);
    let demand = "{ rules: [{ from: [{ source: { requestPrincipals: ['*'] } }] }] }";
    let of_namespace = format!(
        "{authentication}{}",
        istio("AuthorizationPolicy", "p", demand)
    );
    let converted = import(&of_namespace).await;
    assert!(
        !converted.stderr.contains("the result applies only"),
        "{}",
        converted.stderr
    );

    let open = "{ selector: { matchLabels: { app: status } }, rules: [{}] }";
    let status = istio("AuthorizationPolicy", "s", open);
    let converted = import(&format!("{of_namespace}{status}")).await;
    converted.assert_reports("note: ", &["the labels app=status, in the namespace api"]);

    let gateway =
        super::envoy_gateway::policy("p", "Gateway", "eg", &super::envoy_gateway::jwt(""));
    let converted = import(&format!("{of_namespace}{gateway}")).await;
    converted.assert_reports("left out: Envoy Gateway", &["one origin", "Istio"]);
}

#[tokio::test]
async fn standard_input_is_read() {
    let text = format!(
        "providers: {{ a: {{ issuer: {ISSUER}, local_jwks: {{ inline_string: '{}' }} }} }}\nrules: []\n",
        keys()
    );
    let mut child = accredit(&["import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .await
        .unwrap();
    let output = within("import ends", child.wait_with_output())
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("from standard input (jwt_authn)"), "{text}");
}

#[tokio::test]
async fn input_that_cannot_be_read_is_bad_usage() {
    for text in [
        "",
        "a: [",
        "just text",
        "kind: Service\napiVersion: v1\n",
        "{\"a\": 1",
        "- 1\n- 2\n",
        "\u{0}",
    ] {
        let ended = import_files(&[text]).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{text:?}"
        );
        assert!(
            ended
                .stderr
                .lines()
                .all(|line| line.starts_with("accredit: ")),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.is_empty(), "{text:?}");
    }
    let missing = crate::support::process::ended(&mut accredit(&["import", "/no/such/file"])).await;
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.stderr.contains("/no/such/file"),
        "{}",
        missing.stderr
    );
}

/// Names of the original are data: they become neither keys nor comments of the result, nor variables of the environment.
#[tokio::test]
async fn names_of_the_original_do_not_become_structure() {
    let odd = "a: b\\n#\\\"'{x}${HOME}";
    let converted = import(&format!(
        "http_filters:\n- name: j\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication\n    \
         providers: {{ a: {{ issuer: {ISSUER}, local_jwks: {{ inline_string: 'KEYS' }}, from_cookies: [\"x y\", session], audiences: [\"{odd}\", api] }} }}\n    \
         rules: [{{ match: {{ path: \"/{odd}\" }} }}, {{ match: {{ prefix: / }}, requires: {{ provider_name: a }} }}]\n\
         route_config: {{ virtual_hosts: [{{ name: \"{odd}\", domains: ['*'], routes: [{{ name: \"{odd}\", match: {{ prefix: /o }}, \
         typed_per_filter_config: {{ j: {{ disabled: true }} }} }}] }}] }}\n"
    ))
    .await;
    assert!(!converted.yaml.contains("${"), "{}", converted.yaml);
}
