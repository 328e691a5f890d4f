//! Conditional requests (RFC 9110 section 13.1): a document that has not changed is not sent again.

use std::time::Duration;

use accredit_core::keys::source::KeyAddress;
use reqwest::header::{
    DATE, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

use crate::jwks::error::{RequestError, RequestFailure};
use crate::jwks::issuer_client::{IssuerAnswer, IssuerClient, accepting};

/// The validators that make the next request conditional. Without validators, the request is unconditional.
#[derive(Default)]
pub(crate) struct Validators {
    address: Option<KeyAddress>,
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

/// The answer to a request that was conditional, if there were validators.
pub(crate) enum Conditional {
    /// The document of the validators is still current. The headers are those of the answer.
    Unchanged(HeaderMap),
    Changed(Box<ChangedDocument>),
}

/// A document whose body is not read yet.
pub(crate) struct ChangedDocument {
    pub(crate) answer: IssuerAnswer,
    /// These validators replace the earlier ones once the document was read and is usable.
    pub(crate) validators: Validators,
}

impl Validators {
    /// Requests a document of these media types.
    ///
    /// # Errors
    /// [`RequestError`]
    pub(crate) async fn get(
        &self,
        client: &IssuerClient,
        address: &KeyAddress,
        media_types: &'static str,
    ) -> Result<Conditional, RequestError> {
        let conditions = self.conditions(address);
        let is_conditional = !conditions.is_empty();
        let mut headers = accepting(media_types);
        headers.extend(conditions);
        let answer = client.get(address, &headers).await?;
        if answer.is_not_modified() {
            // 304 to a request without conditions confirms nothing.
            if !is_conditional {
                return Err(RequestError {
                    address: answer.address,
                    cause: RequestFailure::UnexpectedNotModified,
                });
            }
            return Ok(Conditional::Unchanged(answer.headers().clone()));
        }
        let validators = Validators {
            address: Some(address.clone()),
            etag: answer.headers().get(ETAG).cloned(),
            last_modified: answer
                .headers()
                .get(LAST_MODIFIED)
                .filter(|last_modified| is_strong(last_modified, answer.headers().get(DATE)))
                .cloned(),
        };
        Ok(Conditional::Changed(Box::new(ChangedDocument {
            answer,
            validators,
        })))
    }

    fn conditions(&self, address: &KeyAddress) -> HeaderMap {
        let mut conditions = HeaderMap::new();
        if self.address.as_ref() != Some(address) {
            return conditions;
        }
        if let Some(etag) = &self.etag {
            conditions.insert(IF_NONE_MATCH, etag.clone());
        }
        if let Some(last_modified) = &self.last_modified {
            conditions.insert(IF_MODIFIED_SINCE, last_modified.clone());
        }
        conditions
    }
}

/// Whether no later change can have the same time: it has seconds, so a document that changed in the second of the
/// answer can change again in that second, and `If-Modified-Since` would not bring the second change (RFC 9110 section
/// 8.8.2.2). An answer without `Date` does not show it.
fn is_strong(last_modified: &HeaderValue, date: Option<&HeaderValue>) -> bool {
    let time = |value: &HeaderValue| httpdate::parse_http_date(value.to_str().ok()?).ok();
    match (time(last_modified), date.and_then(time)) {
        (Some(modified), Some(date)) => date >= modified + Duration::from_secs(2),
        (None, _) | (_, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::is_strong;

    #[test]
    fn a_document_that_changed_just_before_its_answer_is_fetched_whole_again() {
        let value = HeaderValue::from_static;
        let modified = value("Sun, 06 Nov 1994 08:49:37 GMT");
        for (date, strong) in [
            (Some("Sun, 06 Nov 1994 08:49:37 GMT"), false),
            (Some("Sun, 06 Nov 1994 08:49:38 GMT"), false),
            (Some("Sun, 06 Nov 1994 08:49:39 GMT"), true),
            // If the clock was set back, `Last-Modified` does not show that the document is unchanged.
            (Some("Sun, 06 Nov 1994 08:49:00 GMT"), false),
            (Some("soon"), true),
            (None, true),
        ] {
            let date = date.map(value);
            assert_eq!(is_strong(&modified, date.as_ref()), strong, "{date:?}");
        }
    }
}
