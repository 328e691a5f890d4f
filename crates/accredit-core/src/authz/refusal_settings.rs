//! The settings of denials, and the answer that they give for each denial: its status, challenge and body (CONTRACT 4.5).

use std::borrow::Cow;
use std::time::Duration;

use crate::authn::realm::{ErrorDetails, Realm};
use crate::authz::answer::{Answer, Judged, RefusalCode, RefusedAnswer};
use crate::authz::challenge::{self, ChallengeError};
use crate::authz::denial::{Class, Denial};
use crate::authz::denial_context::{ClientProtocol, DenialContext};
use crate::authz::record::DecisionRecord;
use crate::proof::presentation::CredentialScheme;

/// The settings of denials.
#[derive(Clone, Debug, Default)]
pub struct RefusalSettings {
    pub realm: Realm,
    pub details: ErrorDetails,
    /// The address of the API's metadata, for challenges.
    pub resource_metadata: Option<String>,
}

impl RefusalSettings {
    /// The denial of a call whose request could not be read.
    pub fn refuse_call(&self, denial: Denial) -> Judged {
        self.judged(DecisionRecord::early(denial))
    }

    /// The denial of this record, with its answer.
    pub(in crate::authz) fn judged(&self, record: DecisionRecord) -> Judged {
        Judged {
            answer: Answer::Refuse(self.answer_of(&record)),
            record,
        }
    }

    /// The answer that the client of a denied request got.
    pub fn answer_of(&self, record: &DecisionRecord) -> RefusedAnswer {
        let denial = record.denial.as_ref().unwrap_or(&Denial::Internal);
        self.refuse(denial, record.denial_context)
    }

    /// The answer for a denial.
    pub fn refuse(&self, denial: &Denial, context: DenialContext) -> RefusedAnswer {
        let DenialContext {
            client,
            form,
            scheme,
        } = context;
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

#[cfg(test)]
mod tests;
