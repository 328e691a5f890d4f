//! The addresses of the console.

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use tokio::time::Instant;

use crate::admin::console::explain_form::Filled;
use crate::admin::console::guard::{forbid_storing, guard, limit_time, refuse_links};
use crate::admin::console::html::Html;
use crate::admin::console::secrets::Secrets;
use crate::admin::console::sources::ConsoleSources;
use crate::admin::console::{assets, explain_form, explained, issuers, live, page, tail};
use crate::admin::convert;
use crate::admin::pb;

/// A token, a few headers and what a form makes of their bytes.
const LARGEST_FORM: usize = 128 * 1024;

/// The fields of a form or a query.
type Fields = Result<Form<Vec<(String, String)>>, FormRejection>;

/// The console's routes, and nothing else.
pub fn routes(sources: ConsoleSources) -> Router {
    let parts = Router::new()
        .route("/console/live", get(now))
        .route("/console/decisions", get(decisions))
        .route("/console/tail", get(follow))
        .layer(from_fn(refuse_links));
    let pages = Router::new()
        .route("/", get(console))
        .route("/console/explain", post(explain))
        .route("/console/refusals", get(refusals))
        .merge(parts)
        .with_state(sources)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(from_fn(limit_time))
        .layer(from_fn(forbid_storing));
    pages.merge(assets::routes()).layer(from_fn(guard))
}

async fn console(State(sources): State<ConsoleSources>) -> Html {
    page::console(&sources)
}

/// The parts of the page that the script renews.
async fn now(State(sources): State<ConsoleSources>) -> Html {
    let issuers = sources.issuers();
    let mut html = live::state(&sources, &issuers, Instant::now());
    html.piece(&issuers::section(&issuers));
    html
}

async fn decisions(State(sources): State<ConsoleSources>) -> Html {
    live::decisions(&sources.history.kept())
}

async fn follow(State(sources): State<ConsoleSources>, fields: Fields) -> Response {
    match fields {
        Ok(Form(fields)) => tail::follow(&sources.admin.followers, fields),
        Err(rejection) => rejection.into_response(),
    }
}

async fn explain(State(sources): State<ConsoleSources>, fields: Fields) -> Response {
    let wrong = |status, said: &str| {
        let page = page::explained(&Filled::default(), &explained::problem(said));
        (status, page).into_response()
    };
    // What is wrong with a form is told without a word of it.
    let fields = match fields {
        Ok(Form(fields)) => fields,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return wrong(
                rejection.status(),
                "that is more than 128 KiB, and no service takes such a token",
            );
        }
        Err(rejection) => return wrong(rejection.status(), "that is no form that a browser sends"),
    };
    let (ask, filled) = match explain_form::read(fields) {
        Ok(read) => read,
        Err(error) => return wrong(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let secrets = Secrets::of(&ask);
    let filled = filled.without(&secrets);
    let told = secrets.taken_out_of(sources.admin.explainer.explain(ask));
    page::explained(&filled, &explained::explanation(&told)).into_response()
}

async fn refusals(State(sources): State<ConsoleSources>, fields: Fields) -> Response {
    let fields = fields.map(|Form(fields)| fields).unwrap_or_default();
    let id = fields.into_iter().find(|(name, _)| name == "request_id");
    let id = id.map(|(_, value)| value.trim().to_owned());
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        let told = explained::problem("a request id is needed, as Envoy writes it: x-request-id");
        return (StatusCode::BAD_REQUEST, page::refusals("", &told)).into_response();
    };
    let kept = sources.admin.last_refusals.of_request(&id);
    let shown = kept.iter().take(explained::MOST_SHOWN);
    let found = shown.map(|kept| pb::FoundRefusal {
        decision: Some(convert::decision(kept)),
        explanation: sources.admin.explainer.explain_refusal(kept),
    });
    let told = explained::refusals(&id, &found.collect::<Vec<_>>(), kept.len());
    page::refusals(&id, &told).into_response()
}
