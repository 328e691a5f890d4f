//! `/livez`, `/readyz` and `/metrics`, for kubelet and Prometheus.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// The text format of Prometheus.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadyReport {
    /// `true` is answered with 200, `false` with 503.
    pub ready: bool,
    pub body: serde_json::Value,
}

/// Returns the current [`ReadyReport`].
pub type ReadySource = Arc<dyn Fn() -> ReadyReport + Send + Sync>;

/// Returns the current metrics in the text format of Prometheus.
pub type MetricsSource = Arc<dyn Fn() -> String + Send + Sync>;

/// The sources of the answers.
#[derive(Clone)]
pub struct Probes {
    pub ready: ReadySource,
    /// `None`: `/metrics` is not found.
    pub metrics: Option<MetricsSource>,
}

pub fn probe_routes(probes: Probes) -> Router {
    let mut routes = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz).with_state(probes.ready));
    if let Some(metrics) = probes.metrics {
        routes = routes.route("/metrics", get(self::metrics).with_state(metrics));
    }
    routes
}

async fn livez() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], "ok")
}

async fn readyz(State(ready): State<ReadySource>) -> Response {
    let ReadyReport { ready, body } = ready();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

async fn metrics(State(metrics): State<MetricsSource>) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_TYPE)], metrics())
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probes").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use serde_json::json;

    fn routes(ready: bool, metrics: bool) -> Router {
        let source: MetricsSource = Arc::new(|| "accredit_checks_in_flight 3\n".to_owned());
        probe_routes(Probes {
            ready: Arc::new(move || ReadyReport {
                ready,
                body: json!({ "ready": ready }),
            }),
            metrics: metrics.then_some(source),
        })
    }

    async fn get(routes: Router, path: &str) -> (StatusCode, String, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = TowerToHyperService::new(routes)
            .call(request)
            .await
            .unwrap();
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            content_type,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn live_is_ok() {
        let (status, _, body) = get(routes(false, false), "/livez").await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "ok"));
    }

    #[tokio::test]
    async fn ready_is_what_the_report_says() {
        for (ready, expected) in [(true, 200), (false, 503)] {
            let (status, content_type, body) = get(routes(ready, false), "/readyz").await;
            assert_eq!(status.as_u16(), expected);
            assert_eq!(content_type, "application/json");
            assert_eq!(body, json!({ "ready": ready }).to_string());
        }
    }

    #[tokio::test]
    async fn metrics_are_there_where_they_are_given() {
        let (status, content_type, body) = get(routes(true, true), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(content_type, METRICS_TYPE);
        assert_eq!(body, "accredit_checks_in_flight 3\n");
        assert_eq!(
            get(routes(true, false), "/metrics").await.0,
            StatusCode::NOT_FOUND
        );
    }

    #[tokio::test]
    async fn nothing_else_is_there() {
        for path in ["/", "/livez/", "/readyz/x", "/healthz"] {
            assert_eq!(
                get(routes(true, true), path).await.0,
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
    }
}
