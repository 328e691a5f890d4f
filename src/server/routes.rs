//! Serves axum routes on a port.

use std::convert::Infallible;
use std::pin::Pin;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use http::{Request, StatusCode};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::server::message_body::MessageBody;
use crate::server::workers::WorkerPool;

/// Answers the requests of a port with routes.
#[derive(Clone, Debug)]
pub struct RouteService {
    routes: TowerToHyperService<Router>,
    others: Option<OtherThreads>,
}

/// The threads of the requests that must not delay those of the connection's thread.
#[derive(Clone, Debug)]
struct OtherThreads {
    workers: WorkerPool,
    stays: fn(&str) -> bool,
}

// === impl RouteService ===

impl RouteService {
    pub fn new(routes: Router) -> Self {
        Self {
            routes: TowerToHyperService::new(routes),
            others: None,
        }
    }

    /// Answers a request on one of these threads, unless `stays` holds for its path.
    #[must_use]
    pub fn answering_on(self, workers: WorkerPool, stays: fn(&str) -> bool) -> Self {
        Self {
            others: Some(OtherThreads { workers, stays }),
            ..self
        }
    }
}

impl Service<Request<MessageBody>> for RouteService {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<MessageBody>) -> Self::Future {
        let others = self.others.as_ref();
        let Some(others) = others.filter(|others| !(others.stays)(request.uri().path())) else {
            return Box::pin(self.routes.call(request));
        };
        let (routes, workers) = (self.routes.clone(), others.workers.clone());
        Box::pin(async move {
            let answering = async move { routes.call(request).await };
            match workers.run(answering).await {
                Ok(answer) => answer,
                // The request panicked.
                Err(_) => Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
            }
        })
    }
}
