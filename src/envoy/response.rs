//! Writes a neutral answer as the bytes of Envoy's `CheckResponse`. No other room makes one.
//!
//! To Envoy an answer without a status, and even an empty one, is an admission (CONTRACT 4.6.1). Here each answer gets a
//! status: 0 from an [`Admission`], and one of [`RefusalCode`]'s values, which has none for 0, from a denial.
//!
//! Most of an admission is the same for every request with one token: the claim headers and the metadata of its holder. They are
//! encoded when the token is verified ([`encode_identity`]), cached with it, and copied into each answer. What depends on the
//! request, the rule or the configuration is written anew for each answer, so that no answer has parts of another decision.
//!
//! [`RefusalCode`]: accredit_core::authz::answer::RefusalCode

use accredit_core::authn::identity::{EncodedIdentity, Identity};
use accredit_core::authz::answer::{Admission, Answer, Judged, RefusedAnswer};
use accredit_core::authz::denial_context::RefusalForm;

use bytes::Bytes;

use crate::envoy::message_writer::{MessageWriter, message_size, text_size};
use crate::envoy::{grpc, metadata};

/// The fields of `CheckResponse`.
const STATUS: u32 = 1;
const DENIED_RESPONSE: u32 = 2;
const OK_RESPONSE: u32 = 3;
const DYNAMIC_METADATA: u32 = 4;
const ERROR_RESPONSE: u32 = 5;

/// The fields of `google.rpc.Status`.
const CODE: u32 = 1;
const MESSAGE: u32 = 2;

/// The fields of `OkHttpResponse`.
const OK_HEADERS: u32 = 2;
const OK_HEADERS_TO_REMOVE: u32 = 5;

/// The fields of `DeniedHttpResponse`, and `HttpStatus.code`.
const DENIED_STATUS: u32 = 1;
const DENIED_HEADERS: u32 = 2;
const DENIED_BODY: u32 = 3;
const HTTP_CODE: u32 = 1;

/// The fields of `HeaderValueOption` and `HeaderValue`.
const HEADER: u32 = 1;
const APPEND_ACTION: u32 = 3;
const KEY: u32 = 1;
const VALUE: u32 = 2;

/// `HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD`. Envoy's default for an absent action has changed between versions
/// (CONTRACT 4.9.2).
const OVERWRITE_IF_EXISTS_OR_ADD: u64 = 2;

/// The bytes of a field of a number below 16 with a value below 128.
const APPEND_ACTION_SIZE: usize = 2;

/// The bytes of most answers beside what is encoded already: names to remove, the fields of the decision, lengths.
const USUAL_REST: usize = 384;

/// The bytes of most `HeaderValueOption`s beside their name and value.
const OPTION_REST: usize = 13;

/// The bytes of a `CheckResponse` with a status, after the prefix of a gRPC message.
#[derive(Debug)]
pub struct CheckAnswer(Bytes);

impl CheckAnswer {
    /// The message with its prefix.
    pub fn into_frame(self) -> Bytes {
        self.0
    }

    /// The message without its prefix.
    pub fn as_message(&self) -> &[u8] {
        self.0.get(grpc::PREFIX..).unwrap_or_default()
    }
}

/// The answer to a judged request.
pub fn write(judged: &Judged) -> CheckAnswer {
    let identity = judged.record.identity();
    let encoded = identity.and_then(|identity| identity.encoded());
    let encoded = encoded.map_or(0, |parts| {
        let metadata = parts.metadata.as_ref().map_or(0, |metadata| metadata.len());
        parts.headers.len() + metadata
    });
    CheckAnswer(grpc::frame(encoded + USUAL_REST, |framed| {
        let mut answer = MessageWriter::after(framed);
        write_fields(judged, &mut answer);
        answer.into_bytes()
    }))
}

/// The fields of a `CheckResponse`.
fn write_fields(judged: &Judged, answer: &mut MessageWriter) {
    match &judged.answer {
        Answer::Admit(admission) => {
            // `code` is 0, which protobuf does not write.
            answer.message(STATUS, |_| {});
            answer.message(OK_RESPONSE, |ok| admit(admission, ok));
        }
        Answer::Refuse(refusal) => {
            answer.message(STATUS, |status| {
                status.varint(CODE, refusal.code as u64);
                status.text(MESSAGE, judged.record.reason.as_str());
            });
            let form = match refusal.form {
                RefusalForm::Denied => DENIED_RESPONSE,
                RefusalForm::Error => ERROR_RESPONSE,
            };
            answer.message(form, |denied| refuse(refusal, denied));
        }
    }
    answer.message(DYNAMIC_METADATA, |fields| {
        metadata::write(&judged.record, fields);
        if let Answer::Admit(admission) = &judged.answer {
            metadata::write_computed(admission.metadata(), fields);
        }
    });
}

/// Encodes what every admission of a token repeats.
pub fn encode_identity(identity: &Identity) -> EncodedIdentity {
    let sizes = identity.headers();
    let sizes = sizes.map(|(name, value)| name.len() + value.len() + OPTION_REST);
    let mut headers = MessageWriter::after(Vec::with_capacity(sizes.sum()));
    write_claim_headers(identity, &mut headers);
    EncodedIdentity {
        headers: headers.into_bytes().into(),
        metadata: Some(metadata::of_identity(identity)),
        ..EncodedIdentity::default()
    }
}

fn admit(admission: &Admission, ok: &mut MessageWriter) {
    if let Some(identity) = admission.identity() {
        match identity.encoded() {
            Some(parts) => ok.append(&parts.headers),
            None => write_claim_headers(identity, ok),
        }
    }
    for (name, value) in admission.changed() {
        set(OK_HEADERS, name, value, ok);
    }
    for name in admission.remove() {
        ok.text(OK_HEADERS_TO_REMOVE, name);
    }
}

fn write_claim_headers(identity: &Identity, ok: &mut MessageWriter) {
    for (name, value) in identity.headers() {
        set(OK_HEADERS, name, value, ok);
    }
}

fn refuse(refusal: &RefusedAnswer, denied: &mut MessageWriter) {
    denied.message(DENIED_STATUS, |status| {
        status.varint(HTTP_CODE, refusal.status.into());
    });
    for (name, value) in &refusal.headers {
        set(DENIED_HEADERS, name, value, denied);
    }
    denied.text(DENIED_BODY, &refusal.body);
}

fn set(field: u32, name: &str, value: &str, message: &mut MessageWriter) {
    let header = text_size(name) + text_size(value);
    message.begin(field, message_size(header) + APPEND_ACTION_SIZE);
    message.begin(HEADER, header);
    message.text(KEY, name);
    message.text(VALUE, value);
    message.varint(APPEND_ACTION, OVERWRITE_IF_EXISTS_OR_ADD);
}

#[cfg(test)]
mod tests;
