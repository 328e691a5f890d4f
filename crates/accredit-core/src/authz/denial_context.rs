//! The request of a denial: what the answer depends on beside the cause of the denial and the settings.

use crate::proof::presentation::CredentialScheme;
use crate::request::Headers;

/// What the answer to a denial depends on beside its cause and the settings. The default is for an HTTP client that sent no credential, or one
/// with the scheme `Bearer`, and whose request Envoy denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DenialContext {
    pub client: ClientProtocol,
    pub form: RefusalForm,
    /// The authentication scheme of the challenge.
    pub scheme: CredentialScheme,
}

/// The form in which Envoy gets a denial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusalForm {
    /// Envoy denies the request.
    #[default]
    Denied,
    /// Envoy's `failure_mode_allow` decides (CONTRACT 4.8.2).
    Error,
}

/// The protocol of the client whose request is denied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientProtocol {
    #[default]
    Http,
    /// Envoy derives the right `grpc-status` from 401, 403 and 503, and a wrong one from 400 (CONTRACT 4.5.11).
    Grpc,
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
