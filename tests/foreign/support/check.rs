//! Envoy's question about a token, asked without Envoy.

use std::collections::HashMap;
use std::net::SocketAddr;

use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use envoy_types::pb::google::protobuf::value::Kind;
use tonic::transport::{Channel, Endpoint};

/// A connection as Envoy holds one.
pub(crate) struct Checks {
    client: AuthorizationClient<Channel>,
    asked: usize,
}

impl Checks {
    /// Connects.
    pub(crate) async fn of(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.unwrap();
        Self {
            client: AuthorizationClient::new(channel),
            asked: 0,
        }
    }

    /// The `reason` of the decision on a GET with this token. What Envoy would do has to agree with it.
    pub(crate) async fn reason(&mut self, token: &str) -> String {
        self.reason_at("/api/data", token).await
    }

    /// The same for that path.
    pub(crate) async fn reason_at(&mut self, path: &str, token: &str) -> String {
        self.asked += 1;
        let answer = self.client.check(get(self.asked, path, token)).await;
        let answer = answer.unwrap().into_inner();
        let metadata = answer.dynamic_metadata.unwrap();
        let Some(Kind::StringValue(reason)) = metadata.fields["reason"].kind.clone() else {
            panic!("no reason in {metadata:?}")
        };
        let admitted = reason == "allowed";
        assert_eq!(answer.status.unwrap().code == 0, admitted, "{reason}");
        let ok = matches!(answer.http_response, Some(HttpResponse::OkResponse(_)));
        assert_eq!(ok, admitted, "{reason}");
        reason
    }
}

fn get(number: usize, path: &str, token: &str) -> CheckRequest {
    let headers = [
        (":authority", "api.example".to_owned()),
        (":method", "GET".to_owned()),
        (":path", path.to_owned()),
        (":scheme", "https".to_owned()),
        ("x-request-id", format!("id-{number}")),
        ("authorization", format!("Bearer {token}")),
    ];
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        host: "api.example".to_owned(),
        scheme: "https".to_owned(),
        headers: HashMap::from(headers.map(|(name, value)| (name.to_owned(), value))),
        ..HttpRequest::default()
    };
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            ..AttributeContext::default()
        }),
    }
}
