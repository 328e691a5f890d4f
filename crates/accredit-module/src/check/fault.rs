//! The answer after a fault of the module (CONTRACT 9.7): 500, and never an admission.

use accredit_core::authz::answer::RefusedAnswer;
use accredit_core::authz::denial::Denial;
use accredit_core::authz::record::DecisionRecord;
use accredit_core::reason::Reason;

use crate::check::http_stream::LocalReply;

/// `INTERNAL`. Envoy itself would derive another code from the status.
const GRPC_INTERNAL: &str = "13";

/// The answer after a fault. It has the body and the headers of `internal_error`, with the status 500.
pub fn reply() -> LocalReply {
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("retry-after", "1"),
        ("grpc-status", GRPC_INTERNAL),
    ];
    LocalReply {
        status: 500,
        headers: headers.map(|(name, value)| (name, value.to_owned())).into(),
        body: r#"{"error":"Authorization temporarily unavailable"}"#.to_owned(),
        details: details(Reason::InternalError),
    }
}

/// The answer of a denial. A fault is 500. Other denials with the reason `internal_error`, such as a full memory of used proofs,
/// are the 503 of the service: the module works as it should, and the client can try again.
pub fn reply_of(refusal: RefusedAnswer, record: &DecisionRecord, is_grpc: bool) -> LocalReply {
    if record.denial == Some(Denial::Internal) {
        return reply();
    }
    let headers = refusal.headers.into_iter();
    let mut headers: Vec<_> = headers
        .map(|(name, value)| (name, value.into_owned()))
        .collect();
    // To a gRPC client, Envoy would send `grpc-status: 0` with the local reply of a filter.
    if is_grpc && !headers.iter().any(|(name, _)| *name == "grpc-status") {
        headers.push(("grpc-status", (refusal.code as i32).to_string()));
    }
    LocalReply {
        status: refusal.status,
        headers,
        body: refusal.body.into_owned(),
        details: details(record.reason),
    }
}

fn details(reason: Reason) -> String {
    format!("accredit_denied[{}]", reason.as_str())
}
