//! What Envoy makes of an answer: its form, and the request that reaches the upstream.

use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::google::protobuf::Value;
use envoy_types::pb::google::protobuf::value::Kind;
use prost::Message as _;

use super::reduced_message::Http;

/// The prefix of claim headers, with every look-alike of its characters read as `-`.
const CLAIM_PREFIX: &str = "x-jwt-";

#[derive(Debug)]
pub struct Answered {
    pub is_admitted: bool,
    pub reason: String,
    pub rule: String,
    pub subject: Option<String>,
}

/// Checks the form of an answer (CONTRACT 4.5, 4.6, 4.9) and reads it. `http` is the request, if it could be read.
pub fn judge_form(answer: &CheckResponse, http: Option<&Http>) -> Answered {
    let again = CheckResponse::decode(&*answer.encode_to_vec()).expect("an answer can be decoded");
    assert_eq!(again, *answer);
    let code = answer.status.as_ref().expect("an answer has a status").code;
    let fields = &answer
        .dynamic_metadata
        .as_ref()
        .expect("an answer has metadata")
        .fields;
    let text = |name: &str| match fields.get(name) {
        Some(Value {
            kind: Some(Kind::StringValue(text)),
        }) => Some(text.clone()),
        _ => None,
    };
    let answered = Answered {
        is_admitted: code == 0,
        reason: text("reason").expect("has a reason"),
        rule: text("rule").expect("has a rule"),
        subject: text("subject"),
    };
    let decision = text("decision").expect("has a decision");
    assert_eq!(decision == "allow", answered.is_admitted, "{decision}");
    match answer
        .http_response
        .as_ref()
        .expect("an answer has a response")
    {
        HttpResponse::OkResponse(admission) => {
            assert!(answered.is_admitted);
            judge_admission(
                admission,
                http.expect("the request could be read"),
                &answered,
            );
        }
        HttpResponse::DeniedResponse(refusal) => judge_refusal(refusal, code),
        // CONTRACT 4.8.2
        HttpResponse::ErrorResponse(refusal) => {
            assert_eq!(code, 14);
            judge_refusal(refusal, code);
        }
    }
    answered
}

fn judge_refusal(refusal: &DeniedHttpResponse, code: i32) {
    let status = refusal
        .status
        .as_ref()
        .expect("a refusal has an HTTP status")
        .code;
    assert_eq!(
        Some(code),
        match status {
            400 => Some(3),
            401 => Some(16),
            403 => Some(7),
            503 => Some(14),
            _ => None,
        }
    );
    let mut names = Vec::new();
    for (name, value) in refusal.headers.iter().map(entry) {
        assert!(
            value
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic()),
            "{name}: {value:?}"
        );
        names.push(name);
    }
    assert!(names.contains(&"content-type") && names.contains(&"cache-control"));
    assert_eq!(names.contains(&"retry-after"), status == 503);
    let body: serde_json::Value = serde_json::from_str(&refusal.body).expect("a body is JSON");
    assert!(body["error"].is_string());
}

fn judge_admission(admission: &OkHttpResponse, http: &Http, answered: &Answered) {
    let set: Vec<(&str, &str)> = admission.headers.iter().map(entry).collect();
    let removed = &admission.headers_to_remove;
    for (number, (name, value)) in set.iter().enumerate() {
        assert!(!value.chars().any(char::is_control), "{name}: {value:?}");
        assert!(
            !removed
                .iter()
                .any(|removed| removed.eq_ignore_ascii_case(name)),
            "{name} is set and removed"
        );
        assert!(
            set.iter().skip(number + 1).all(|(other, _)| other != name),
            "{name} is set twice"
        );
        assert!(
            answered.subject.is_some() || !name.starts_with(CLAIM_PREFIX),
            "{name}"
        );
    }
    let own = set
        .iter()
        .find(|(name, _)| *name == "x-jwt-sub")
        .map(|(_, value)| *value);
    assert_eq!(own, answered.subject.as_deref());
    // Of the client's own headers, none that looks like a claim header is left unless the answer overwrites it.
    for (name, _) in http.entries() {
        let name = name.to_ascii_lowercase();
        let look_alike: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let is_protected = look_alike.starts_with(CLAIM_PREFIX)
            || look_alike == "x-envoy-auth-failure-mode-allowed";
        let is_left = !removed.contains(&name) && !set.iter().any(|(own, _)| *own == name);
        assert!(
            name.starts_with(':') || !is_protected || !is_left,
            "{name} of the client is left"
        );
    }
}

fn entry(option: &HeaderValueOption) -> (&str, &str) {
    assert_eq!(
        option.append_action,
        HeaderAppendAction::OverwriteIfExistsOrAdd as i32
    );
    let header = option.header.as_ref().expect("an option has a header");
    assert!(header.raw_value.is_empty() && !header.key.is_empty());
    (&header.key, &header.value)
}
