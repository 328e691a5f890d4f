//! A Model Context Protocol client of npm's official SDK finds its way from a 401 to the development issuer and back, through a
//! real Envoy (CONTRACT 8.5).

use std::net::SocketAddr;

use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::envoy::EnvoyProcess;
use serde::Deserialize;
use serde_json::{Value, json};

use super::support::accredit::Accredit;
use super::support::program::Program;
use super::support::scripts::{answer, node, serve};

/// What the client did.
#[derive(Debug, Deserialize)]
struct Journey {
    requests: Vec<McpRequest>,
    tools: Option<Vec<String>>,
    whoami: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct McpRequest {
    method: String,
    url: String,
    /// The scheme of the credentials that it sent.
    scheme: Option<String>,
    status: u16,
}

/// An MCP server behind Envoy and accredit, which trusts the development issuer.
struct McpPlace {
    envoy: EnvoyProcess,
    issuer: String,
    _running: (Accredit, Accredit, Program),
}

impl McpPlace {
    /// `rules` are lines of accredit's configuration.
    async fn start(rules: &str) -> McpPlace {
        let (dev, issuer) = Accredit::dev().await;
        let (server, upstream) = serve("the MCP server", node("mcp_server.js", &[])).await;
        let upstream: SocketAddr = upstream.strip_prefix("http://").unwrap().parse().unwrap();
        // The metadata names the API as its clients do, so the address of Envoy has to be known first.
        let placeholder = AuthzTarget::Tcp(upstream);
        let mut bootstrap = Bootstrap::new(placeholder, upstream);
        let resource = format!("http://{}/mcp", bootstrap.listener);
        let accredit = Accredit::serve(&format!(
            "issuers:\n  - issuer: {issuer}\n    audiences: [api.acme.example]\n    \
             claim_headers: {{ x-jwt-client-id: client_id }}\n\
             resource_metadata: {{ resource: '{resource}', scopes: ['read:deployments'] }}\n{rules}"
        ))
        .await;
        bootstrap.authz = AuthzTarget::Tcp(accredit.checks());
        McpPlace {
            envoy: EnvoyProcess::start(&bootstrap).await,
            issuer,
            _running: (dev, accredit, server),
        }
    }

    async fn visit(&self, expected_issuer: &str) -> Journey {
        let url = self.url("/mcp");
        let arguments = [
            url.as_str(),
            "m2morg_1001",
            "dev-secret-1001",
            expected_issuer,
        ];
        answer("mcp_client.js", node("mcp_client.js", &arguments)).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.envoy.address())
    }

    /// The reasons of the decisions about these requests.
    async fn reasons(&self, count: usize) -> Vec<Value> {
        let lines = self.envoy.access_log(count).await;
        lines.iter().map(|line| line["reason"].clone()).collect()
    }
}

#[tokio::test]
async fn an_mcp_client_finds_the_development_issuer_from_a_401_and_calls_a_tool() {
    let place = McpPlace::start("").await;
    let journey = place.visit(&place.issuer).await;
    assert_eq!(journey.error, None, "{journey:?}");
    assert_eq!(journey.tools, Some(vec!["whoami".to_owned()]));
    assert_eq!(journey.whoami.as_deref(), Some("m2morg_1001"));

    let way: Vec<Value> = journey
        .requests
        .iter()
        .map(|request| json!([request.method, request.url, request.scheme, request.status]))
        .collect();
    let mcp = place.url("/mcp");
    let issuer = |path: &str| format!("{}{path}", place.issuer);
    let expected = [
        json!(["POST", mcp, null, 401]),
        json!([
            "GET",
            place.url("/.well-known/oauth-protected-resource/mcp"),
            null,
            200
        ]),
        json!([
            "GET",
            issuer("/.well-known/oauth-authorization-server"),
            null,
            200
        ]),
        json!(["POST", issuer("/oauth/token"), "basic", 200]),
        json!(["POST", mcp, "bearer", 200]),
    ];
    assert_eq!(way.get(..expected.len()), Some(&expected[..]), "{way:#?}");
    let rest = journey.requests.iter().skip(expected.len());
    assert!(
        rest.clone()
            .all(|request| request.url == mcp && request.scheme.as_deref() == Some("bearer")),
        "{way:#?}"
    );
    assert!(rest.count() >= 3, "{way:#?}");
    let reasons = place.reasons(3).await;
    assert_eq!(
        reasons[..3],
        [
            json!("missing_token"),
            json!("resource_metadata"),
            json!("allowed")
        ]
    );
}

/// The API names its authorization server, and a client that was registered with another one keeps its secret.
#[tokio::test]
async fn an_mcp_client_of_another_authorization_server_sends_no_secret() {
    let place = McpPlace::start("").await;
    let journey = place.visit("https://acme.scalekit.dev").await;
    let error = journey.error.unwrap();
    assert!(error.contains(&place.issuer), "{error}");
    assert!(
        journey
            .requests
            .iter()
            .all(|request| request.scheme.is_none())
    );
}

/// The challenge of a 403 names the scopes, for which the client asks the issuer once more (RFC 6750 section 3.1).
#[tokio::test]
async fn an_mcp_client_requests_another_token_for_the_scope_of_a_403() {
    let rules = "rules: [{ name: admins, scopes: ['admin:all'] }]\n";
    let place = McpPlace::start(rules).await;
    let journey = place.visit(&place.issuer).await;
    let error = journey.error.unwrap();
    assert!(error.contains("403"), "{error}");
    let statuses: Vec<(&str, u16)> = journey
        .requests
        .iter()
        .filter(|request| request.method == "POST")
        .map(|request| (request.url.rsplit('/').next().unwrap(), request.status))
        .collect();
    assert_eq!(
        statuses,
        [
            ("mcp", 401),
            ("token", 200),
            ("mcp", 403),
            ("token", 200),
            ("mcp", 403)
        ]
    );
}
