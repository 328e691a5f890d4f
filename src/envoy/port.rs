//! The services on `listen`: `Check`, and the gRPC health service.

use std::convert::Infallible;
use std::pin::Pin;

use http::{Request, Response};
use http_body_util::Either;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tonic::service::Routes;

use crate::envoy::fail_closed::{CHECK_PATH, FailClosed};
use crate::envoy::grpc::UnaryBody;
use crate::envoy::service::Judge;
use crate::server::message_body::MessageBody;

/// The service of one connection. `Check` does not go through the gRPC library; every other call does.
pub struct CheckPort<J> {
    checks: FailClosed<J>,
    others: TowerToHyperService<axum::Router>,
}

type CheckPortBody = Either<UnaryBody, axum::body::Body>;

impl<J> Clone for CheckPort<J> {
    fn clone(&self) -> Self {
        CheckPort {
            checks: self.checks.clone(),
            others: self.others.clone(),
        }
    }
}

impl<J: Judge> CheckPort<J> {
    pub fn new(checks: FailClosed<J>, others: Routes) -> CheckPort<J> {
        CheckPort {
            checks,
            others: TowerToHyperService::new(others.prepare().into_axum_router()),
        }
    }
}

impl<J: Judge> Service<Request<MessageBody>> for CheckPort<J> {
    type Response = Response<CheckPortBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<MessageBody>) -> Self::Future {
        if request.uri().path() == CHECK_PATH {
            let checks = self.checks.clone();
            let request = request.map(MessageBody::into_unlimited);
            // Here and not in the task that answers: a busy thread lets that task wait, and Envoy waits too.
            let arrival = checks.arrive();
            return Box::pin(async move {
                let answer = checks.call(request, arrival).await;
                Ok(answer.map(Either::Left))
            });
        }
        let answering = self.others.call(request);
        Box::pin(async move { answering.await.map(|answer| answer.map(Either::Right)) })
    }
}
