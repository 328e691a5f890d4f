//! What Envoy finds on `listen`: `Check`, and beside it the health service.

use std::convert::Infallible;
use std::pin::Pin;

use http::{Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::time::Instant;
use tonic::service::Routes;

use crate::envoy::fail_closed::{CHECK_PATH, FailClosed};
use crate::envoy::grpc::UnaryBody;
use crate::envoy::service::Decide;

/// The service of one connection. `Check` goes past the gRPC library, everything else through it.
pub struct CheckPort<D> {
    checks: FailClosed<D>,
    others: TowerToHyperService<axum::Router>,
}

/// A body of either kind of answer.
type AnswerBody = Either<UnaryBody, axum::body::Body>;

impl<D> Clone for CheckPort<D> {
    fn clone(&self) -> Self {
        CheckPort {
            checks: self.checks.clone(),
            others: self.others.clone(),
        }
    }
}

impl<D: Decide> CheckPort<D> {
    /// Checks, and the other services beside them.
    pub fn new(checks: FailClosed<D>, others: Routes) -> CheckPort<D> {
        CheckPort {
            checks,
            others: TowerToHyperService::new(others.prepare().into_axum_router()),
        }
    }
}

impl<D: Decide> Service<Request<Incoming>> for CheckPort<D> {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if request.uri().path() == CHECK_PATH {
            let checks = self.checks.clone();
            // Here and not in the task that answers, which a busy thread lets wait: Envoy waits too.
            let arrived = Instant::now();
            return Box::pin(async move {
                let answer = checks.call(request, arrived).await;
                Ok(answer.map(Either::Left))
            });
        }
        let answering = self.others.call(request);
        Box::pin(async move { answering.await.map(|answer| answer.map(Either::Right)) })
    }
}
