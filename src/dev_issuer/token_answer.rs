//! The answers of the token endpoint (RFC 6749 sections 5.1 and 5.2).

use axum::{
    Json,
    extract::rejection::{BytesRejection, FormRejection},
    http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::dev_issuer::{
    keys::KeyError,
    mint::{MintError, Minted},
};

impl IntoResponse for Minted {
    fn into_response(self) -> Response {
        let scopes = self.claims.get("scopes").and_then(Value::as_array);
        let granted: Vec<&str> = scopes
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut answer = json!({
            "access_token": self.token,
            "token_type": "Bearer",
            "scope": granted.join(" "),
        });
        // One second less than `exp` - `iat`, as Scalekit's answers have it.
        if let (Some(answer), Some(expires_at)) = (
            answer.as_object_mut(),
            self.claims.get("exp").and_then(Value::as_u64),
        ) {
            let left = expires_at.saturating_sub(self.signed_at);
            answer.insert("expires_in".into(), left.saturating_sub(1).into());
        }
        Json(answer).into_response()
    }
}

/// Why a token request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenRequestError {
    /// The body is not a form.
    #[error("the body must be application/x-www-form-urlencoded")]
    NotAForm,
    /// The body of `/dev/token` is not a JSON object.
    #[error("the body must be a JSON object of claims")]
    NotAnObject,
    /// The body exceeds the limit.
    #[error("the body is too large")]
    BodyTooLarge,
    /// This required parameter is missing.
    #[error("the parameter {0} is missing")]
    ParameterMissing(&'static str),
    #[error("a parameter is repeated")]
    ParameterRepeated,
    /// The request authenticates a client in two ways, or two clients.
    #[error("authenticate one client, in the header or in the form")]
    AuthenticatedTwice,
    /// No client has this id and secret.
    #[error("unknown client, or wrong secret")]
    InvalidClient {
        /// Whether the answer has a `Basic` challenge: RFC 6749 section 5.2 requires it if the client used the header.
        challenge: bool,
    },
    /// A grant type other than `client_credentials`.
    #[error("only client_credentials is supported")]
    UnsupportedGrantType,
    /// A request of a browser at the authorization endpoint.
    #[error("this issuer has no users; get a token at the token endpoint, with client_credentials")]
    NoUsers,
    /// The client is not registered for a requested scope.
    #[error("the client is not registered for a requested scope")]
    InvalidScope,
    /// The token could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
}

impl TokenRequestError {
    /// The `error` member of the answer.
    pub(crate) fn code(self) -> &'static str {
        match self {
            TokenRequestError::NotAForm
            | TokenRequestError::NotAnObject
            | TokenRequestError::BodyTooLarge
            | TokenRequestError::ParameterMissing(_)
            | TokenRequestError::ParameterRepeated
            | TokenRequestError::AuthenticatedTwice
            | TokenRequestError::Mint(MintError::SwitchNotBoolean(_) | MintError::KidNotText) => {
                "invalid_request"
            }
            TokenRequestError::InvalidClient { .. } => "invalid_client",
            TokenRequestError::UnsupportedGrantType => "unsupported_grant_type",
            TokenRequestError::NoUsers => "unsupported_response_type",
            TokenRequestError::InvalidScope => "invalid_scope",
            TokenRequestError::Mint(MintError::Key(_)) => "server_error",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            TokenRequestError::InvalidClient { .. } => StatusCode::UNAUTHORIZED,
            TokenRequestError::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            TokenRequestError::Mint(MintError::Key(_)) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for TokenRequestError {
    fn into_response(self) -> Response {
        let body = Json(json!({
            "error": self.code(),
            "error_description": self.to_string(),
        }));
        let mut response = (self.status(), body).into_response();
        if let TokenRequestError::InvalidClient { challenge: true } = self {
            response.headers_mut().insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"accredit dev\""),
            );
        }
        response
    }
}

impl From<FormRejection> for TokenRequestError {
    fn from(rejection: FormRejection) -> TokenRequestError {
        match rejection {
            FormRejection::BytesRejection(rejection) => rejection.into(),
            _ => TokenRequestError::NotAForm,
        }
    }
}

impl From<BytesRejection> for TokenRequestError {
    fn from(rejection: BytesRejection) -> TokenRequestError {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => TokenRequestError::BodyTooLarge,
            _ => TokenRequestError::NotAForm,
        }
    }
}

impl From<KeyError> for TokenRequestError {
    fn from(error: KeyError) -> TokenRequestError {
        TokenRequestError::Mint(MintError::Key(error))
    }
}
