//! Conditional requests (RFC 9110 section 13.1): a document that has not changed is not sent again.

use accredit_core::keys::source::KeyAddress;
use reqwest::header::{
    ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

use crate::jwks::error::{RequestError, RequestFailure};
use crate::jwks::issuer_client::{IssuerAnswer, IssuerClient, accepting};

/// What makes the next request conditional. The default makes none.
#[derive(Default)]
pub(crate) struct Validators {
    address: Option<KeyAddress>,
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

/// The answer to a request that was conditional, if there were validators.
pub(crate) enum Conditional {
    /// The document that the validators are of is still current. The headers are of the answer.
    Unchanged(HeaderMap),
    Changed(Box<ChangedDocument>),
}

/// A document whose body is not read yet.
pub(crate) struct ChangedDocument {
    pub(crate) answer: IssuerAnswer,
    /// They replace the earlier ones once the document was read and is usable.
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
            // Without conditions this confirms nothing that is held.
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
            last_modified: answer.headers().get(LAST_MODIFIED).cloned(),
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
