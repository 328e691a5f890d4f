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
use crate::admin::text;
use crate::observe::tail::filter::Filter;
use crate::observe::tail::followers::{Followers, Following, TailEvent};
use crate::telemetry::printable::printable_json;

/// How long a browser waits before it reconnects.
const RETRY: Duration = Duration::from_secs(2);

/// Follows the decisions that the fields of a query select.
pub fn follow(followers: &Arc<Followers>, fields: Vec<(String, String)>) -> Response {
    let refused = |status, text: String| (status, format!("{text}\n")).into_response();
    let filter = match filter(fields) {
        Ok(filter) => filter,
        Err(text) => return refused(StatusCode::BAD_REQUEST, text),
    };
    match followers.follow(filter) {
        Ok(following) => Sse::new(events(following))
            .keep_alive(KeepAlive::new())
            .into_response(),
        Err(error) => refused(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

/// The fields are named like the flags of `accredit tail`; empty ones count as absent.
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
                    "unknown filter {name:?}; the filters are decision, reason, issuer, rule and path"
                ));
            }
        }
    }
    Filter::try_from(request).map_err(|error| error.to_string())
}

/// Ends when the service stops. Dropping the stream ends the subscription.
fn events(following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    let first = stream::iter([Event::default().retry(RETRY)]);
    let news = stream::unfold(following, async |mut following| {
        let news = following.next().await?;
        Some((event(&news), following))
    });
    first.chain(news).map(Ok)
}

fn event(news: &TailEvent) -> Event {
    match news {
        TailEvent::Decided(report) => Event::default().data(printable_json(
            &text::json(&convert::decision(report)).to_string(),
        )),
        TailEvent::Lost(lost) => Event::default()
            .event("lost")
            .data(json!({ "lost": lost }).to_string()),
    }
}
