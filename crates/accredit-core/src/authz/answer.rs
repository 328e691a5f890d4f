//! The answer to a check, independent of the protocol that carries it.
//!
//! To Envoy an answer without a status, and even an empty one, is an admission (CONTRACT 4.6.1). So an [`Admission`] can be
//! made from a decided admission only, and a [`RefusedAnswer`] from a denial only; its code has no variant for 0.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::authn::identity::Identity;
use crate::authn::realm::{ErrorDetails, Realm};
use crate::authn::token_metadata::MetadataValue;
use crate::authz::challenge::{self, ChallengeError};
use crate::authz::denial::{Class, Denial};
use crate::authz::record::DecisionRecord;
use crate::forward::claim_headers::SetHeader;
use crate::forward::strip::StripList;
use crate::proof::presentation::CredentialScheme;
use crate::request::Headers;

/// A decided request: what to report, and what to answer.
#[derive(Clone, Debug)]
pub struct Judged {
    pub record: DecisionRecord,
    pub answer: Answer,
}

/// The answer to a check.
#[derive(Clone, Debug)]
pub enum Answer {
    Admit(Admission),
    Refuse(RefusedAnswer),
}

/// The changes that an admission makes to the request.
#[derive(Clone, Debug)]
pub struct Admission {
    identity: Option<Arc<Identity>>,
    /// Headers, `:path` included, that get another value because a token was removed from them.
    changed: Vec<(&'static str, String)>,
    /// The headers that only a token can set, by the configuration that made the decision.
    strip: Arc<StripList>,
    /// Names to remove from this request beside those of `strip`.
    remove: Vec<String>,
    /// The values of `metadata`.
    metadata: Vec<(Arc<str>, MetadataValue<'static>)>,
}

/// What a denial sends to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAnswer {
    /// The HTTP status.
    pub status: u16,
    pub code: RefusalCode,
    pub form: RefusalForm,
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    pub body: Cow<'static, str>,
}

/// The gRPC status code of a denial (CONTRACT 4.5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalCode {
    InvalidArgument = 3,
    PermissionDenied = 7,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// The form in which Envoy gets a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalForm {
    /// Envoy denies the request.
    Denied,
    /// Envoy's `failure_mode_allow` decides (CONTRACT 4.8.2).
    Error,
}

/// The protocol of the client whose request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientProtocol {
    Http,
    /// Envoy derives the right `grpc-status` from 401, 403 and 503, and a wrong one from 400 (CONTRACT 4.5.11).
    Grpc,
}

/// The settings of denials.
#[derive(Clone, Debug, Default)]
pub struct RefusalSettings {
    pub realm: Realm,
    pub details: ErrorDetails,
    /// The address of the API's metadata, for challenges.
    pub resource_metadata: Option<String>,
}

// === impl Admission ===

impl Admission {
    pub(in crate::authz) fn new(
        identity: Option<Arc<Identity>>,
        changed: Vec<(&'static str, String)>,
        strip: Arc<StripList>,
        remove: Vec<String>,
    ) -> Admission {
        Admission {
            identity,
            changed,
            strip,
            remove,
            metadata: Vec::new(),
        }
    }

    pub(in crate::authz) fn set_metadata(
        &mut self,
        metadata: Vec<(Arc<str>, MetadataValue<'static>)>,
    ) {
        self.metadata = metadata;
    }

    /// The values of `metadata`, by name.
    pub fn metadata(&self) -> &[(Arc<str>, MetadataValue<'static>)] {
        &self.metadata
    }

    /// The holder of the token; `None` for a request without one.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// The headers to set, each once.
    pub fn set(&self) -> impl Iterator<Item = (&str, &str)> {
        let claims = self.claim_headers().iter();
        let claims = claims.map(|header| (header.name.as_str(), &*header.value));
        claims.chain(self.changed())
    }

    /// The headers to set that are not claim headers of the identity.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        let changed = self.changed.iter();
        changed.map(|(name, value)| (*name, value.as_str()))
    }

    /// The names of the headers to remove, each once.
    pub fn remove(&self) -> impl Iterator<Item = &str> {
        let others = self.remove.iter().map(String::as_str);
        self.strip.unset(self.claim_headers()).chain(others)
    }

    fn claim_headers(&self) -> &[SetHeader] {
        self.identity
            .as_deref()
            .map_or(&[], |identity| &identity.headers)
    }
}

// === impl RefusalSettings ===

impl RefusalSettings {
    /// The denial of a call whose request could not be read.
    pub fn refuse_call(&self, denial: Denial) -> Judged {
        let answer = self.refuse(&denial, ClientProtocol::Http, RefusalForm::Denied);
        Judged {
            record: DecisionRecord::early(denial),
            answer: Answer::Refuse(answer),
        }
    }

    /// The answer for a denial.
    pub fn refuse(
        &self,
        denial: &Denial,
        client: ClientProtocol,
        form: RefusalForm,
    ) -> RefusedAnswer {
        self.refuse_with(denial, client, form, CredentialScheme::Bearer)
    }

    /// The answer for a denial, to a client that used this scheme.
    pub fn refuse_with(
        &self,
        denial: &Denial,
        client: ClientProtocol,
        form: RefusalForm,
        scheme: CredentialScheme,
    ) -> RefusedAnswer {
        let class = denial.class();
        let (code, status, error) = of_class(&class);
        let details = self.details_of(denial, &class);
        let mut headers = Vec::with_capacity(4);
        headers.push(("content-type", "application/json".into()));
        headers.push(("cache-control", "no-store".into()));
        if let Some(challenge) = self.challenge(&class, details, scheme) {
            headers.push(("www-authenticate", challenge.into()));
        }
        if let Class::Unavailable { retry_after } = class {
            let seconds = whole_seconds(retry_after).to_string();
            headers.push(("retry-after", seconds.into()));
        }
        if client == ClientProtocol::Grpc && class == Class::BadRequest {
            headers.push(("grpc-status", (code as i32).to_string().into()));
        }
        RefusedAnswer {
            status,
            code,
            form,
            headers,
            body: body(error, details),
        }
    }

    fn challenge(
        &self,
        class: &Class,
        description: Option<&str>,
        scheme: CredentialScheme,
    ) -> Option<String> {
        let mut scheme = scheme;
        let error = match class {
            Class::NoCredential => {
                return Some(challenge::bare(
                    &self.realm,
                    self.resource_metadata.as_deref(),
                ));
            }
            Class::BadRequest => ChallengeError::InvalidRequest,
            Class::BadCredential => ChallengeError::InvalidToken,
            Class::BadProof { is_of_proof: true } => {
                scheme = CredentialScheme::Dpop;
                ChallengeError::InvalidDpopProof
            }
            Class::BadProof { is_of_proof: false } => {
                let challenge = challenge::with_error(
                    CredentialScheme::Bearer,
                    &self.realm,
                    ChallengeError::InvalidToken,
                    description,
                    self.resource_metadata.as_deref(),
                );
                return Some(challenge::and_dpop(challenge));
            }
            Class::InsufficientScope { required } => ChallengeError::InsufficientScope(required),
            Class::Forbidden { .. } | Class::Unavailable { .. } => return None,
        };
        Some(challenge::with_error(
            scheme,
            &self.realm,
            error,
            description,
            self.resource_metadata.as_deref(),
        ))
    }

    /// The `details` of the body: for the reasons that have `details` in CONTRACT 4.2, and for a rule with a `message`.
    fn details_of<'a>(&self, denial: &'a Denial, class: &'a Class) -> Option<&'a str> {
        match (self.details, class) {
            (ErrorDetails::Hidden, _) => None,
            (
                ErrorDetails::Shown,
                Class::BadRequest
                | Class::BadCredential
                | Class::BadProof { .. }
                | Class::InsufficientScope { .. },
            ) => Some(denial.description()),
            (ErrorDetails::Shown, Class::Forbidden { message }) => message.as_deref(),
            (ErrorDetails::Shown, Class::NoCredential | Class::Unavailable { .. }) => None,
        }
    }
}

/// The code, the status, and the body without details (CONTRACT 4.5.2).
fn of_class(class: &Class) -> (RefusalCode, u16, &'static str) {
    match class {
        Class::BadRequest => (
            RefusalCode::InvalidArgument,
            400,
            r#"{"error":"Invalid request"}"#,
        ),
        Class::NoCredential => (
            RefusalCode::Unauthenticated,
            401,
            r#"{"error":"Missing authorization token"}"#,
        ),
        Class::BadCredential | Class::BadProof { .. } => (
            RefusalCode::Unauthenticated,
            401,
            r#"{"error":"Invalid token"}"#,
        ),
        Class::InsufficientScope { .. } => (
            RefusalCode::PermissionDenied,
            403,
            r#"{"error":"Insufficient scope"}"#,
        ),
        Class::Forbidden { .. } => (
            RefusalCode::PermissionDenied,
            403,
            r#"{"error":"Forbidden"}"#,
        ),
        Class::Unavailable { .. } => (
            RefusalCode::Unavailable,
            503,
            r#"{"error":"Authorization temporarily unavailable"}"#,
        ),
    }
}

/// Adds `details`, if there are any, as the last member of a body.
fn body(error: &'static str, details: Option<&str>) -> Cow<'static, str> {
    let (Some(details), Some(open)) = (details, error.strip_suffix('}')) else {
        return Cow::Borrowed(error);
    };
    // A text can always be written as JSON. If not, a denial with an empty text would still deny.
    let details = serde_json::to_string(details).unwrap_or_else(|_| "\"\"".to_owned());
    Cow::Owned([open, ",\"details\":", &details, "}"].concat())
}

/// Rounded up, and at least 1: a client that reads 0 tries again at once.
fn whole_seconds(span: Duration) -> u64 {
    (span.as_secs() + u64::from(span.subsec_nanos() > 0)).max(1)
}

// === impl ClientProtocol ===

impl ClientProtocol {
    /// `application/grpc`, alone or followed by `+` or `;` (CONTRACT 4.5.11).
    pub fn of(headers: &Headers<'_>) -> ClientProtocol {
        let is_grpc = headers.all("content-type").any(|value| {
            let after = value
                .strip_prefix(b"application/grpc")
                .map(|rest| rest.first().copied());
            matches!(after, Some(None | Some(b'+' | b';')))
        });
        if is_grpc {
            ClientProtocol::Grpc
        } else {
            ClientProtocol::Http
        }
    }
}

#[cfg(test)]
mod tests;
