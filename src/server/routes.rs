//! Serves axum routes on a port.

use std::convert::Infallible;
use std::pin::Pin;

use axum::Router;
use axum::response::Response;
use http::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::server::message_body::MessageBody;

/// Answers the requests of a port with routes.
#[derive(Clone, Debug)]
pub struct RouteService(TowerToHyperService<Router>);

impl RouteService {
    pub fn new(routes: Router) -> Self {
        Self(TowerToHyperService::new(routes))
    }
}

impl Service<Request<MessageBody>> for RouteService {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<MessageBody>) -> Self::Future {
        Box::pin(self.0.call(request))
    }
}
