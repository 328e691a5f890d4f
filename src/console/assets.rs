//! The script, the style sheet and the icon, which are compiled in.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, content type and content of each file.
const ASSETS: [(&str, &str, &str); 9] = [
    ("/console/app.js", SCRIPT, include_str!("assets/app.js")),
    ("/console/chart.js", SCRIPT, include_str!("assets/chart.js")),
    ("/console/dom.js", SCRIPT, include_str!("assets/dom.js")),
    (
        "/console/explain.js",
        SCRIPT,
        include_str!("assets/explain.js"),
    ),
    ("/console/live.js", SCRIPT, include_str!("assets/live.js")),
    ("/console/tabs.js", SCRIPT, include_str!("assets/tabs.js")),
    ("/console/tail.js", SCRIPT, include_str!("assets/tail.js")),
    (
        "/console/style.css",
        "text/css; charset=utf-8",
        include_str!("assets/style.css"),
    ),
    (
        "/console/icon.svg",
        "image/svg+xml",
        include_str!("assets/icon.svg"),
    ),
];

/// The routes of the files. `no-cache` makes browsers ask again each time, because another version may run by then.
pub fn routes() -> Router {
    ASSETS
        .into_iter()
        .fold(Router::new(), |routes, (path, kind, text)| {
            let asset = move || async move {
                ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
            };
            routes.route(path, get(asset))
        })
}
