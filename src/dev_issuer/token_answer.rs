//! The token endpoint's answers: RFC 6749, section 5.1 for a token, section 5.2 for an error.

use std::{error::Error, fmt};

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
        // One second less than `exp` says, as Scalekit has it: by then it may be on its way.
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

/// Why a request got no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// The body could not be read as a form.
    NotAForm,
    /// The body of `/dev/token` is no JSON object.
    NotAnObject,
    /// The body is larger than we read.
    BodyTooLarge,
    /// This parameter is needed.
    ParameterMissing(&'static str),
    /// A parameter came more than once.
    ParameterRepeated,
    /// The client authenticated in more than one way, or as two clients.
    AuthenticatedTwice,
    /// No client of this id and secret; the challenge answers one who used the header for it.
    InvalidClient {
        /// Whether the answer names the scheme `Basic`.
        challenge: bool,
    },
    /// Another grant than `client_credentials`.
    UnsupportedGrantType,
    /// A scope that the client is not registered for.
    InvalidScope,
    /// The minter would not.
    Mint(MintError),
}

impl TokenError {
    /// The `error` member of the answer.
    pub fn code(self) -> &'static str {
        match self {
            TokenError::NotAForm
            | TokenError::NotAnObject
            | TokenError::BodyTooLarge
            | TokenError::ParameterMissing(_)
            | TokenError::ParameterRepeated
            | TokenError::AuthenticatedTwice
            | TokenError::Mint(MintError::SwitchNotBoolean(_) | MintError::KidNotText) => {
                "invalid_request"
            }
            TokenError::InvalidClient { .. } => "invalid_client",
            TokenError::UnsupportedGrantType => "unsupported_grant_type",
            TokenError::InvalidScope => "invalid_scope",
            TokenError::Mint(MintError::Key(_)) => "server_error",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            TokenError::InvalidClient { .. } => StatusCode::UNAUTHORIZED,
            TokenError::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            TokenError::Mint(MintError::Key(_)) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let body = Json(json!({
            "error": self.code(),
            "error_description": self.to_string(),
        }));
        let mut response = (self.status(), body).into_response();
        if let TokenError::InvalidClient { challenge: true } = self {
            response.headers_mut().insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"accredit dev\""),
            );
        }
        response
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::NotAForm => {
                f.write_str("the body must be application/x-www-form-urlencoded")
            }
            TokenError::NotAnObject => f.write_str("the body must be a JSON object of claims"),
            TokenError::BodyTooLarge => f.write_str("the body is too large"),
            TokenError::ParameterMissing(name) => write!(f, "the parameter {name} is missing"),
            TokenError::ParameterRepeated => f.write_str("a parameter came more than once"),
            TokenError::AuthenticatedTwice => {
                f.write_str("authenticate one client, by the header or by the form")
            }
            TokenError::InvalidClient { .. } => f.write_str("unknown client, or wrong secret"),
            TokenError::UnsupportedGrantType => f.write_str("only client_credentials is supported"),
            TokenError::InvalidScope => {
                f.write_str("the client is not registered for a scope it asked for")
            }
            TokenError::Mint(error) => error.fmt(f),
        }
    }
}

impl Error for TokenError {}

impl From<FormRejection> for TokenError {
    fn from(rejection: FormRejection) -> TokenError {
        match rejection {
            FormRejection::BytesRejection(rejection) => rejection.into(),
            _ => TokenError::NotAForm,
        }
    }
}

impl From<BytesRejection> for TokenError {
    fn from(rejection: BytesRejection) -> TokenError {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => TokenError::BodyTooLarge,
            _ => TokenError::NotAForm,
        }
    }
}

impl From<MintError> for TokenError {
    fn from(error: MintError) -> TokenError {
        TokenError::Mint(error)
    }
}

impl From<KeyError> for TokenError {
    fn from(error: KeyError) -> TokenError {
        TokenError::Mint(MintError::Key(error))
    }
}
