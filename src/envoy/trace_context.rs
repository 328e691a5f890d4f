//! The trace of a check: from the metadata of the call, or else from the forwarded `traceparent` (CONTRACT 6.3.2).

use accredit_core::request::Request;
use http::HeaderMap;

use crate::telemetry::traces::ParentText;

/// The trace context of Envoy's own span for the call.
pub fn of_call(headers: &HeaderMap) -> Option<ParentText> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::to_owned);
    Some(ParentText {
        traceparent: text("traceparent")?,
        tracestate: text("tracestate"),
    })
}

/// The `traceparent` that the client sent. Several values count as none.
pub fn forwarded<'a>(request: &Request<'a>) -> Option<&'a str> {
    let mut values = request.headers.all("traceparent");
    match (values.next(), values.next()) {
        (Some(only), None) => std::str::from_utf8(only).ok(),
        _ => None,
    }
}
