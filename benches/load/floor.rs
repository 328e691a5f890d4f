//! The floor: a stock tonic server that reads each check and answers OK with five headers, without looking at the request.

use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{
    Authorization, AuthorizationServer,
};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse, OkHttpResponse};
use envoy_types::pb::google::rpc::Status as RpcStatus;
use futures_util::{StreamExt as _, stream};
use tokio::net::UnixListener;
use tonic::{Request, Response, Status};

struct Floor;

#[tonic::async_trait]
impl Authorization for Floor {
    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let headers = [
            ("x-jwt-sub", "m2morg_1001"),
            ("x-jwt-client-id", "m2morg_1001"),
            ("x-jwt-org", "org_2001"),
            ("x-jwt-scope", "deploy:applications read:deployments"),
            ("x-jwt-env", "production_us"),
        ];
        let headers = headers.map(|(key, value)| HeaderValueOption {
            header: Some(HeaderValue {
                key: key.to_owned(),
                value: value.to_owned(),
                ..HeaderValue::default()
            }),
            append_action: 2,
            ..HeaderValueOption::default()
        });
        Ok(Response::new(CheckResponse {
            status: Some(RpcStatus::default()),
            http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
                headers: headers.into(),
                ..OkHttpResponse::default()
            })),
            ..CheckResponse::default()
        }))
    }
}

/// Serves on one thread until the process is killed, at an address or at the path of a unix socket.
pub(crate) fn serve(address: &str) {
    let serving = async {
        let server = tonic::transport::Server::builder();
        let routes = { server }.add_service(AuthorizationServer::new(Floor));
        match address.parse() {
            Ok(address) => routes.serve(address).await,
            Err(_) => {
                let listener = UnixListener::bind(address).unwrap();
                let accepted = stream::poll_fn(|cx| listener.poll_accept(cx).map(Some));
                let streams = accepted.map(|accepted| accepted.map(|(stream, _)| stream));
                routes.serve_with_incoming(streams).await
            }
        }
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(serving)
        .unwrap();
}
