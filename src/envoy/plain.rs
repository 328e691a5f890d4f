//! An answer in plain words, for a person who asks what Envoy would be told.

use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;

/// What an answer does to the request, or says to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlainAnswer {
    /// The request goes on to the upstream.
    Admitted {
        /// Headers that are set.
        set: Vec<(String, String)>,
        /// Headers that are removed.
        removed: Vec<String>,
    },
    /// The client is answered.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
}

impl PlainAnswer {
    /// Reads an answer as Envoy would: what does not plainly admit refuses.
    pub fn of(answer: CheckResponse) -> PlainAnswer {
        let admits = answer.status.is_some_and(|status| status.code == 0);
        match answer.http_response {
            Some(HttpResponse::OkResponse(ok)) if admits => PlainAnswer::Admitted {
                set: pairs(ok.headers),
                removed: ok.headers_to_remove,
            },
            Some(HttpResponse::DeniedResponse(denied) | HttpResponse::ErrorResponse(denied)) => {
                let status = denied
                    .status
                    .and_then(|status| u16::try_from(status.code).ok());
                PlainAnswer::Refused {
                    status: status.unwrap_or(403),
                    headers: pairs(denied.headers),
                    body: denied.body,
                }
            }
            Some(HttpResponse::OkResponse(_)) | None => PlainAnswer::Refused {
                status: 403,
                headers: Vec::new(),
                body: String::new(),
            },
        }
    }
}

fn pairs(headers: Vec<HeaderValueOption>) -> Vec<(String, String)> {
    headers
        .into_iter()
        .filter_map(|option| option.header)
        .map(|header| (header.key, header.value))
        .collect()
}
