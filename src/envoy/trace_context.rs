//! Which trace a check is part of: the call's own metadata say it, else the header that the client sent.

use http::HeaderMap;

use crate::request::Request;
use crate::telemetry::traces::ParentText;

/// What Envoy says of itself: its span for this call.
pub fn of_call(headers: &HeaderMap) -> Option<ParentText> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::to_owned);
    Some(ParentText {
        traceparent: text("traceparent")?,
        tracestate: text("tracestate"),
    })
}

/// What the client says; several are none.
pub fn forwarded<'a>(request: &Request<'a>) -> Option<&'a str> {
    let mut values = request.headers.all("traceparent");
    match (values.next(), values.next()) {
        (Some(only), None) => std::str::from_utf8(only).ok(),
        _ => None,
    }
}
