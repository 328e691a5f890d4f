//! The answer of a decision as a value of Envoy's own types, built by a plain reading of the neutral answer.

use accredit_core::authn::token_metadata::MetadataValue;
use accredit_core::authz::answer::{Answer, Judged};
use accredit_core::authz::denial_context::RefusalForm;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};
use envoy_types::pb::google::rpc::Status;

pub(super) fn response(judged: &Judged) -> CheckResponse {
    let (code, message, http_response) = match &judged.answer {
        Answer::Admit(admission) => {
            let ok = OkHttpResponse {
                headers: admission
                    .set()
                    .map(|(name, value)| set(name, value))
                    .collect(),
                headers_to_remove: admission.remove().map(str::to_owned).collect(),
                ..OkHttpResponse::default()
            };
            (0, String::new(), HttpResponse::OkResponse(ok))
        }
        Answer::Refuse(refusal) => {
            let headers = refusal.headers.iter();
            let denied = DeniedHttpResponse {
                status: Some(HttpStatus {
                    code: refusal.status.into(),
                }),
                headers: headers.map(|(name, value)| set(name, value)).collect(),
                body: refusal.body.to_string(),
            };
            let response = match refusal.form {
                RefusalForm::Denied => HttpResponse::DeniedResponse(denied),
                RefusalForm::Error => HttpResponse::ErrorResponse(denied),
            };
            let reason = judged.record.reason.as_str().to_owned();
            (refusal.code as i32, reason, response)
        }
    };
    CheckResponse {
        status: Some(Status {
            code,
            message,
            ..Status::default()
        }),
        dynamic_metadata: Some(metadata(judged)),
        http_response: Some(http_response),
    }
}

/// The names that an admission removes, and the headers that it sets.
pub(super) fn changes(answer: &CheckResponse) -> (Vec<String>, Vec<(String, String)>) {
    let Some(HttpResponse::OkResponse(ok)) = &answer.http_response else {
        panic!("is not an admission: {answer:?}");
    };
    let set = ok.headers.iter().flat_map(|option| &option.header);
    let set = set.map(|header| (header.key.clone(), header.value.clone()));
    (ok.headers_to_remove.clone(), set.collect())
}

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

fn metadata(judged: &Judged) -> Struct {
    let record = &judged.record;
    let (names, of_token) = record.unaccepted_metadata();
    let texts = record.metadata().into_iter().chain(names);
    let texts = texts.map(|(name, text)| (name, Kind::StringValue(text.to_owned())));
    let identity = record.identity().map(|identity| identity.metadata());
    let values = identity.iter().flatten().chain(of_token);
    let values = values.map(|(name, value)| (*name, kind(value)));
    Struct {
        fields: texts
            .chain(values)
            .map(|(name, kind)| (name.to_owned(), Value { kind: Some(kind) }))
            .collect(),
    }
}

fn kind(own: &MetadataValue<'_>) -> Kind {
    let value = |own: &MetadataValue<'_>| Value {
        kind: Some(kind(own)),
    };
    match own {
        MetadataValue::Null => Kind::NullValue(0),
        MetadataValue::Bool(flag) => Kind::BoolValue(*flag),
        MetadataValue::Number(number) => Kind::NumberValue(*number),
        MetadataValue::Text(text) => Kind::StringValue(text.to_string()),
        MetadataValue::List(values) => Kind::ListValue(ListValue {
            values: values.iter().map(value).collect(),
        }),
        MetadataValue::Map(members) => Kind::StructValue(Struct {
            fields: members
                .iter()
                .map(|(name, member)| (name.to_string(), value(member)))
                .collect(),
        }),
    }
}
