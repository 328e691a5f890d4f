//! Writes a neutral answer as Envoy's `CheckResponse`. No other room makes one.
//!
//! To Envoy an answer without a status, and even an empty one, is an admission (CONTRACT 4.6.1). Here each answer gets a
//! status: 0 from an [`Admission`], and one of [`RefusalCode`]'s values, which has none for 0, from a refusal.
//!
//! [`RefusalCode`]: accredit_core::authz::answer::RefusalCode

use accredit_core::authz::answer::{Admission, Answer, Judged, RefusalForm, RefusedAnswer};
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::Struct;
use envoy_types::pb::google::rpc::Status;

use crate::envoy::metadata;

/// The answer to a judged request.
pub fn write(judged: &Judged) -> CheckResponse {
    let metadata = metadata::write(&judged.record);
    match &judged.answer {
        Answer::Admit(admission) => admit(admission, metadata),
        Answer::Refuse(refusal) => refuse(refusal, judged.record.reason.as_str(), metadata),
    }
}

fn admit(admission: &Admission, metadata: Struct) -> CheckResponse {
    CheckResponse {
        status: Some(Status {
            code: 0,
            ..Status::default()
        }),
        dynamic_metadata: Some(metadata),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers: admission
                .set()
                .map(|(name, value)| set(name, value))
                .collect(),
            headers_to_remove: admission.remove().to_vec(),
            ..OkHttpResponse::default()
        })),
    }
}

fn refuse(refusal: &RefusedAnswer, reason: &str, metadata: Struct) -> CheckResponse {
    let denied = DeniedHttpResponse {
        status: Some(HttpStatus {
            code: refusal.status.into(),
        }),
        headers: refusal
            .headers
            .iter()
            .map(|(name, value)| set(name, value))
            .collect(),
        body: refusal.body.clone(),
    };
    CheckResponse {
        status: Some(Status {
            code: refusal.code as i32,
            message: reason.to_owned(),
            ..Status::default()
        }),
        dynamic_metadata: Some(metadata),
        http_response: Some(match refusal.form {
            RefusalForm::Denied => HttpResponse::DeniedResponse(denied),
            RefusalForm::Error => HttpResponse::ErrorResponse(denied),
        }),
    }
}

/// The action is explicit, since Envoy's default for an absent one has changed between versions (CONTRACT 4.9.2).
fn set(name: &str, value: &str) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: value.to_owned(),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd as i32,
        ..HeaderValueOption::default()
    }
}
