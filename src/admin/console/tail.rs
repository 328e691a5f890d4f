//! The tail as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _, stream};
use http::StatusCode;
use serde_json::json;

use crate::admin::convert;
use crate::admin::pb;
use crate::admin::told;
use crate::observe::tail::filter::Filter;
use crate::observe::tail::followers::{Followers, Following, TailEvent};

/// After so long a browser asks again, once the stream has ended.
const AGAIN: Duration = Duration::from_secs(2);

/// Follows what these fields of a query name.
pub fn follow(followers: &Arc<Followers>, fields: Vec<(String, String)>) -> Response {
    let refused = |status, said: String| (status, format!("{said}\n")).into_response();
    let filter = match filter(fields) {
        Ok(filter) => filter,
        Err(said) => return refused(StatusCode::BAD_REQUEST, said),
    };
    match followers.follow(filter) {
        Ok(following) => Sse::new(events(following))
            .keep_alive(KeepAlive::new())
            .into_response(),
        Err(error) => refused(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

/// The names are those of `accredit tail`; an empty value asks for nothing.
fn filter(fields: Vec<(String, String)>) -> Result<Filter, String> {
    let mut request = pb::TailRequest::default();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "decision" => request.decision = value,
            "reason" => request.reasons.push(value),
            "issuer" => request.issuers.push(value),
            "rule" => request.rules.push(value),
            "path" => request.path_prefix = value,
            _ => {
                return Err(format!(
                    "there is no filter {name:?}: they are decision, reason, issuer, rule, path"
                ));
            }
        }
    }
    Filter::try_from(request).map_err(|error| error.to_string())
}

/// Ends when the service stops; dropped, nobody follows any more.
fn events(following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    let first = stream::iter([Event::default().retry(AGAIN)]);
    let news = stream::unfold(following, async |mut following| {
        let news = following.next().await?;
        Some((event(&news), following))
    });
    first.chain(news).map(Ok)
}

fn event(news: &TailEvent) -> Event {
    match news {
        TailEvent::Decided(report) => {
            Event::default().data(told::json(&convert::decision(report)).to_string())
        }
        TailEvent::Lost(lost) => Event::default()
            .event("lost")
            .data(json!({ "lost": lost }).to_string()),
    }
}
