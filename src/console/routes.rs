//! The routes of the console.

use std::time::Duration;

use axum::Router;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::StatusCode;
use maud::html;
use tokio::time::{Instant, timeout};

use crate::admin::convert;
use crate::admin::pb;
use crate::console::chosen::ChosenFilters;
use crate::console::document::Page;
use crate::console::explain::form::{self, FilledForm};
use crate::console::explain::page;
use crate::console::explain::secrets::Secrets;
use crate::console::guard::{
    forbid_storing, guard, limit_time, refuse_other_sites, require_own_origin,
};
use crate::console::sources::ConsoleSources;
use crate::console::{assets, guide_pages, issuers, live, overview, tail, tail_table};

/// The largest token, some headers, and the growth of their bytes in the encoding of forms.
const MAX_FORM: usize = 128 * 1024;

/// How long the answer to a refresh waits for the fetches, which the refreshers finish in any case. It is less than the time limit of requests.
const MAX_REFRESH_WAIT: Duration = Duration::from_secs(4);

/// The fields of a form.
type FormFields = Result<Form<Vec<(String, String)>>, FormRejection>;

/// The fields of a query. A [`Form`] would read the body instead if the method is HEAD.
type QueryFields = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The console and its assets.
pub fn routes(sources: ConsoleSources) -> Router {
    let parts = Router::new()
        .route("/console/live", get(now))
        .route("/console/decisions", get(decisions))
        .route("/console/latest", get(latest))
        .route(
            "/console/tail",
            get(follow).layer(from_fn(require_own_origin)),
        )
        .layer(from_fn(refuse_other_sites));
    let pages = Router::new()
        .route("/", get(first_page))
        .route("/console/explain", post(explain))
        .route("/console/refresh", post(refresh))
        .route("/console/refusals", get(refusals))
        .route("/console/docs/{page}", get(guide_page))
        .merge(parts)
        .with_state(sources)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(from_fn(limit_time))
        .layer(from_fn(forbid_storing));
    pages.merge(assets::routes()).layer(from_fn(guard))
}

async fn first_page(State(sources): State<ConsoleSources>, fields: QueryFields) -> Page {
    overview::overview(&sources, &chosen(fields))
}

fn chosen(fields: QueryFields) -> ChosenFilters {
    ChosenFilters::read(fields.map(|Query(fields)| fields).unwrap_or_default())
}

/// The last refusals that the filters admit, for the table of the tail.
async fn latest(State(sources): State<ConsoleSources>, fields: QueryFields) -> Page {
    Page::parts(html! { table { (tail_table::latest(&sources, &chosen(fields))) } })
}

/// Fetches every key set, and goes back to the issuers.
async fn refresh(State(sources): State<ConsoleSources>) -> Redirect {
    let _ = timeout(MAX_REFRESH_WAIT, sources.refresh()).await;
    Redirect::to("/#issuers")
}

/// The parts of the first page that the script renews.
async fn now(State(sources): State<ConsoleSources>) -> Page {
    let issuers = sources.issuers();
    Page::parts(html! {
        (live::state(&sources, &issuers, Instant::now()))
        (issuers::section(&issuers))
    })
}

async fn decisions(State(sources): State<ConsoleSources>) -> Page {
    Page::parts(live::decisions(&sources.history.recent()))
}

async fn follow(State(sources): State<ConsoleSources>, fields: QueryFields) -> Response {
    match fields {
        Ok(Query(fields)) => tail::follow(&sources.admin.followers, fields),
        Err(rejection) => rejection.into_response(),
    }
}

async fn explain(State(sources): State<ConsoleSources>, fields: FormFields) -> Response {
    let wrong = |status, text: &str| {
        let filled = FilledForm::default();
        let page = page::explained(&sources.instance, &filled, &page::problem(text));
        (status, page).into_response()
    };
    // The messages quote nothing of the form, which can hold a token anywhere.
    let fields = match fields {
        Ok(Form(fields)) => fields,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return wrong(
                rejection.status(),
                "the form is larger than 128 KiB, and no configuration accepts a token of this size",
            );
        }
        Err(rejection) => return wrong(rejection.status(), "the form cannot be decoded"),
    };
    let (client_request, filled) = match form::read(fields) {
        Ok(read) => read,
        Err(error) => return wrong(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let secrets = Secrets::of(&client_request);
    let filled = filled.without(&secrets);
    let explanation = secrets.taken_out_of(sources.admin.explainer.explain(client_request));
    let answer = page::explanation(&explanation);
    page::explained(&sources.instance, &filled, &answer).into_response()
}

/// A page of the documentation.
async fn guide_page(State(sources): State<ConsoleSources>, Path(name): Path<String>) -> Response {
    match guide_pages::page(&sources.instance, &name) {
        Some(page) => page.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn refusals(State(sources): State<ConsoleSources>, fields: QueryFields) -> Response {
    let fields = fields.map(|Query(fields)| fields).unwrap_or_default();
    let id = fields.into_iter().find(|(name, _)| name == "request_id");
    let id = id.map(|(_, value)| value.trim().to_owned());
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        let problem = page::problem("enter a request ID: the value of Envoy's x-request-id header");
        let page = page::found(&sources.instance, "", &problem);
        return (StatusCode::BAD_REQUEST, page).into_response();
    };
    let kept = sources.admin.last_refusals.of_request(&id);
    let newest = kept.iter().take(page::MAX_REFUSALS);
    let found = newest.map(|kept| pb::FoundRefusal {
        decision: Some(convert::decision(kept)),
        explanation: sources.admin.explainer.explain_refusal(kept),
    });
    let refusals = page::refusals(&id, &found.collect::<Vec<_>>(), kept.len());
    page::found(&sources.instance, &id, &refusals).into_response()
}
