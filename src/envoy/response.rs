//! From a decision to the answer that Envoy acts on. No other room may make one.
//!
//! To Envoy an answer without a status, and even an empty one, is an admission. So each answer is made by one of
//! two functions: [`admit`], which needs a grant, and [`Refusals::refuse`], which needs a denial and cannot be
//! called without a status that refuses. A third, `defer`, leaves it to Envoy's `failure_mode_allow`: it needs the
//! proof that the token's issuer has no key at all, which only such a refusal gives, and the operator's word.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc::Status;

use crate::authn::realm::{ErrorDetails, Realm, WithoutKeysPolicy};
use crate::authz::decision::{Grant, Refused, WithoutKeys};
use crate::authz::denial::{Class, Denial};
use crate::envoy::challenge::{self, ChallengeError};
use crate::envoy::metadata;

/// The protocol that the refused client speaks, as far as it matters for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientProtocol {
    /// HTTP.
    Http,
    /// gRPC: Envoy turns 401, 403 and 503 into the right codes by itself, and 400 into a wrong one.
    Grpc,
}

/// How this service words its refusals.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    /// The realm of its challenges.
    pub realm: Realm,
    /// Whether they say what is wrong.
    pub details: ErrorDetails,
    /// Who decides on a token whose issuer has no keys.
    pub without_keys: WithoutKeysPolicy,
}

/// A status that Envoy takes for a refusal: there is no variant for 0.
#[derive(Clone, Copy)]
enum RefusingStatus {
    InvalidArgument = 3,
    PermissionDenied = 7,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// The answer that lets a request through.
pub fn admit(grant: &Grant) -> CheckResponse {
    let told = grant.identity.iter().flat_map(|identity| &identity.headers);
    let mut headers: Vec<_> = told
        .map(|header| set(header.name.as_str(), header.value.clone()))
        .collect();
    headers.extend(
        grant
            .set
            .iter()
            .map(|(name, value)| set(name, value.clone())),
    );
    CheckResponse {
        status: Some(Status {
            code: 0,
            ..Status::default()
        }),
        dynamic_metadata: Some(metadata::of_grant(grant)),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers,
            headers_to_remove: grant.remove.clone(),
            ..OkHttpResponse::default()
        })),
    }
}

// === impl Refusals ===

impl Refusals {
    /// The answer to a request that was decided against: a refusal, unless the operator leaves this one to Envoy.
    pub fn deny(&self, refused: &Refused, client: ClientProtocol) -> CheckResponse {
        match (self.without_keys, refused.without_keys()) {
            (WithoutKeysPolicy::Defer, Some(without_keys)) => self.defer(without_keys, client),
            (WithoutKeysPolicy::Defer, None) | (WithoutKeysPolicy::Refuse, _) => {
                self.refuse(refused, client)
            }
        }
    }

    /// The answer by which Envoy itself decides: a refusal like any other, but as an error, which `failure_mode_allow`
    /// lets through.
    fn defer(&self, without_keys: WithoutKeys<'_>, client: ClientProtocol) -> CheckResponse {
        let refusal = self.refuse(without_keys.refused(), client);
        let http_response = match refusal.http_response {
            Some(HttpResponse::DeniedResponse(denied)) => Some(HttpResponse::ErrorResponse(denied)),
            other => other,
        };
        CheckResponse {
            http_response,
            ..refusal
        }
    }

    /// The answer that does not let a request through.
    pub fn refuse(&self, refused: &Refused, client: ClientProtocol) -> CheckResponse {
        let denial = &refused.denial;
        let class = denial.class();
        let wire = Wire::of(&class);
        let details = self.details_of(denial, &class);
        let mut headers = vec![
            set("content-type", "application/json".to_owned()),
            set("cache-control", "no-store".to_owned()),
        ];
        headers.extend(
            self.challenge(&class, details.as_deref())
                .map(|challenge| set("www-authenticate", challenge)),
        );
        if let Class::Unavailable { retry_after } = class {
            headers.push(set("retry-after", whole_seconds(retry_after).to_string()));
        }
        if client == ClientProtocol::Grpc && class == Class::BadRequest {
            headers.push(set(
                "grpc-status",
                (RefusingStatus::InvalidArgument as i32).to_string(),
            ));
        }
        CheckResponse {
            status: Some(Status {
                code: wire.status as i32,
                message: denial.code().to_owned(),
                ..Status::default()
            }),
            dynamic_metadata: Some(metadata::of_refusal(refused)),
            http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
                status: Some(HttpStatus { code: wire.http }),
                headers,
                body: body(wire.error, details.as_deref()),
            })),
        }
    }

    fn challenge(&self, class: &Class, description: Option<&str>) -> Option<String> {
        let error = match class {
            Class::NoCredential => return Some(challenge::bare(&self.realm)),
            Class::BadRequest => ChallengeError::InvalidRequest,
            Class::BadCredential => ChallengeError::InvalidToken,
            Class::InsufficientScope { required } => ChallengeError::InsufficientScope(required),
            Class::Forbidden { .. } | Class::Unavailable { .. } => return None,
        };
        Some(challenge::with_error(&self.realm, error, description))
    }

    /// What is wrong, where there is something that the caller could set right, or the operator wants it known.
    fn details_of(&self, denial: &Denial, class: &Class) -> Option<String> {
        match (self.details, class) {
            (ErrorDetails::Hidden, _) => None,
            (
                ErrorDetails::Shown,
                Class::BadRequest | Class::BadCredential | Class::InsufficientScope { .. },
            ) => Some(denial.to_string()),
            (ErrorDetails::Shown, Class::Forbidden { message }) => {
                message.as_deref().map(str::to_owned)
            }
            (ErrorDetails::Shown, Class::NoCredential | Class::Unavailable { .. }) => None,
        }
    }
}

/// What a class of denials is on the wire.
struct Wire {
    status: RefusingStatus,
    http: i32,
    error: &'static str,
}

impl Wire {
    fn of(class: &Class) -> Wire {
        let (status, http, error) = match class {
            Class::BadRequest => (RefusingStatus::InvalidArgument, 400, "Invalid request"),
            Class::NoCredential => (
                RefusingStatus::Unauthenticated,
                401,
                "Missing authorization token",
            ),
            Class::BadCredential => (RefusingStatus::Unauthenticated, 401, "Invalid token"),
            Class::InsufficientScope { .. } => {
                (RefusingStatus::PermissionDenied, 403, "Insufficient scope")
            }
            Class::Forbidden { .. } => (RefusingStatus::PermissionDenied, 403, "Forbidden"),
            Class::Unavailable { .. } => (
                RefusingStatus::Unavailable,
                503,
                "Authorization temporarily unavailable",
            ),
        };
        Wire {
            status,
            http,
            error,
        }
    }
}

/// What a refused client reads, in the order in which it is documented.
#[derive(serde::Serialize)]
struct Body<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
}

fn body(error: &str, details: Option<&str>) -> String {
    // Two texts cannot fail to be written; a refusal without a body would still be one.
    serde_json::to_string(&Body { error, details }).unwrap_or_default()
}

/// At least 1: a client that is told 0 comes back at once.
fn whole_seconds(span: Duration) -> u64 {
    (span.as_secs() + u64::from(span.subsec_nanos() > 0)).max(1)
}

/// Written out, since Envoy's default for an absent action has changed between versions.
fn set(name: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value,
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd as i32,
        ..HeaderValueOption::default()
    }
}

#[cfg(test)]
mod tests;
