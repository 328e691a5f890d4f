//! A `CheckResponse` as Envoy reads it. Reading one asserts the properties that every answer has.

use std::collections::HashSet;

use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};

/// The answer to one check.
#[derive(Debug)]
pub struct Answer {
    /// `status.code`. Envoy decides by it alone.
    pub code: i32,
    /// The HTTP status of a denial; 0 for an admission.
    pub http: i32,
    /// Whether the decision is left to Envoy's `failure_mode_allow`.
    pub left_to_envoy: bool,
    /// The body of a denial.
    pub body: String,
    /// The headers that are set, on the denial or on the request.
    pub headers: Vec<(String, String)>,
    /// The headers that are removed from the request.
    pub removed: Vec<String>,
    metadata: Struct,
}

impl Answer {
    /// Reads an answer that contains a decision.
    pub fn of(response: CheckResponse) -> Answer {
        let answer = Answer::of_any(response);
        assert!(!answer.left_to_envoy, "lets Envoy decide: {answer:?}");
        answer
    }

    /// Reads an answer that can leave the decision to Envoy.
    pub fn of_any(response: CheckResponse) -> Answer {
        let code = response
            .status
            .as_ref()
            .expect("a status is written out")
            .code;
        let mut answer = Answer {
            code,
            http: 0,
            left_to_envoy: false,
            body: String::new(),
            headers: Vec::new(),
            removed: Vec::new(),
            metadata: response
                .dynamic_metadata
                .clone()
                .expect("metadata is on every answer"),
        };
        match response
            .http_response
            .clone()
            .expect("one of the variants is set")
        {
            HttpResponse::OkResponse(ok) => {
                assert_eq!(code, 0, "{response:?}");
                assert!(ok.query_parameters_to_remove.is_empty(), "{response:?}");
                assert!(ok.response_headers_to_add.is_empty(), "{response:?}");
                answer.headers = read_headers(&ok.headers);
                answer.removed = ok.headers_to_remove;
            }
            HttpResponse::DeniedResponse(denied) | HttpResponse::ErrorResponse(denied) => {
                answer.left_to_envoy =
                    matches!(response.http_response, Some(HttpResponse::ErrorResponse(_)));
                assert_ne!(code, 0, "an admission to Envoy: {response:?}");
                answer.http = denied.status.expect("has an HTTP status").code;
                answer.headers = read_headers(&denied.headers);
                answer.body = denied.body;
                let all_printable = answer
                    .headers
                    .iter()
                    .all(|(_, value)| value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                assert!(all_printable, "{response:?}");
            }
        }
        answer.assert_sane();
        answer
    }

    fn assert_sane(&self) {
        let names: Vec<_> = self
            .headers
            .iter()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "set twice: {self:?}");
        for removed in &self.removed {
            assert!(
                !names.contains(&removed.to_lowercase()),
                "set and removed: {self:?}"
            );
            assert!(!removed.starts_with(':') && removed != "host", "{self:?}");
        }
        let (decision, allowed) = (self.text("decision"), self.text("reason"));
        match self.is_admission() {
            true => {
                // A rule on trial admits with the reason why it would refuse.
                let is_usual = matches!(allowed.as_deref(), Some("allowed" | "anonymous"));
                let expected = if is_usual { "allow" } else { "shadow" };
                assert_eq!(decision.as_deref(), Some(expected), "{self:?}");
                let failure_mode = "x-envoy-auth-failure-mode-allowed";
                assert!(
                    self.removed.iter().any(|name| name == failure_mode),
                    "{self:?}"
                );
            }
            false => {
                // A document that accredit answers itself is not a denial.
                let is_document = allowed.as_deref() == Some("resource_metadata");
                let expected = if is_document { "allow" } else { "deny" };
                assert_eq!(decision.as_deref(), Some(expected));
                assert_eq!(self.http == 200, is_document, "{self:?}");
                assert!(is_document || self.http >= 400, "{self:?}");
            }
        }
        assert!(self.text("rule").is_some(), "{self:?}");
    }

    /// Whether Envoy lets the request through.
    pub fn is_admission(&self) -> bool {
        self.code == 0
    }

    /// The `reason` of the dynamic metadata.
    pub fn reason(&self) -> String {
        self.text("reason").expect("a reason is in the metadata")
    }

    /// The value of a header that is set.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut own = self.headers.iter().filter(|(own, _)| own == name);
        own.next().map(|(_, value)| value.as_str())
    }

    /// Whether a header of the request is removed.
    pub fn removes(&self, name: &str) -> bool {
        self.removed.iter().any(|own| own == name)
    }

    /// `Retry-After` in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")
            .map(|value| value.parse().expect("whole seconds"))
    }

    /// A string member of the dynamic metadata.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.metadata.fields.get(name)?.kind.as_ref()? {
            Kind::StringValue(text) => Some(text.clone()),
            other => panic!("{name} is {other:?}"),
        }
    }

    /// The dynamic metadata as JSON.
    pub fn metadata(&self) -> serde_json::Value {
        json(&Value {
            kind: Some(Kind::StructValue(self.metadata.clone())),
        })
    }
}

fn read_headers(headers: &[HeaderValueOption]) -> Vec<(String, String)> {
    let read = |option: &HeaderValueOption| {
        assert_eq!(
            option.append_action,
            HeaderAppendAction::OverwriteIfExistsOrAdd as i32,
            "{option:?}"
        );
        #[allow(deprecated)]
        let append = option.append;
        assert_eq!(
            (append, option.keep_empty_value),
            (None, false),
            "{option:?}"
        );
        let header = option.header.clone().expect("has a name");
        assert!(header.raw_value.is_empty(), "Envoy ignores it: {header:?}");
        (header.key, header.value)
    };
    headers.iter().map(read).collect()
}

fn json(value: &Value) -> serde_json::Value {
    match value.kind.as_ref().expect("has a kind") {
        Kind::NullValue(_) => serde_json::Value::Null,
        Kind::NumberValue(number) => (*number).into(),
        Kind::StringValue(text) => text.clone().into(),
        Kind::BoolValue(flag) => (*flag).into(),
        Kind::ListValue(list) => list.values.iter().map(json).collect(),
        Kind::StructValue(members) => {
            let members = members.fields.iter();
            members
                .map(|(name, value)| (name.clone(), json(value)))
                .collect()
        }
    }
}
