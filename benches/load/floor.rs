//! The floor: a stock tonic server that reads each check and answers OK with five headers, without looking at the request.

use std::net::SocketAddr;

use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{
    Authorization, AuthorizationServer,
};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse, OkHttpResponse};
use envoy_types::pb::google::rpc::Status as RpcStatus;
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

/// Serves on one thread until the process is killed.
pub(crate) fn serve(address: SocketAddr) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(
            tonic::transport::Server::builder()
                .add_service(AuthorizationServer::new(Floor))
                .serve(address),
        )
        .unwrap();
}
