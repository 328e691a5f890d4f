//! The client of the admin API, as the commands use it.

use std::time::Duration;

use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use crate::admin::addr::{AdminAddr, AdminTlsFiles};
use crate::admin::client_error::{AdminError, root_cause};
use crate::admin::pb;
use crate::admin::pb::admin_client;
use crate::admin::pb::tail_response::Item;

/// How long a connection may take, the TLS handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum size of an answer, in bytes. An explanation can name every rule of a large configuration.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A connection to the admin API of one service.
#[derive(Debug)]
pub struct AdminClient {
    addr: AdminAddr,
    api: admin_client::AdminClient<Channel>,
}

/// The decisions of a service as they are made.
#[derive(Debug)]
pub struct DecisionStream(Streaming<pb::TailResponse>);

// === impl AdminClient ===

impl AdminClient {
    /// Connects.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn connect(addr: &AdminAddr, tls: &AdminTlsFiles) -> Result<AdminClient, AdminError> {
        let unreachable = |cause| AdminError::Unreachable {
            addr: addr.to_string(),
            cause,
        };
        let endpoint = addr.endpoint(tls)?;
        // The connect timeout of tonic does not include the TLS handshake.
        let channel = timeout(CONNECT_TIMEOUT, endpoint.connect())
            .await
            .map_err(|_| unreachable(format!("no connection within {CONNECT_TIMEOUT:?}")))?
            .map_err(|error| unreachable(root_cause(&error)))?;
        Ok(AdminClient {
            addr: addr.clone(),
            api: admin_client::AdminClient::new(channel).max_decoding_message_size(MAX_ANSWER),
        })
    }

    /// The issuers and their keys.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn issuers(&mut self) -> Result<Vec<pb::Issuer>, AdminError> {
        let response = self.api.list_issuers(pb::ListIssuersRequest {}).await;
        Ok(self.answer(response)?.issuers)
    }

    /// The issuers and their keys after a refresh of every key set.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn refreshed_issuers(&mut self) -> Result<Vec<pb::Issuer>, AdminError> {
        let request = pb::RefreshKeysRequest::default();
        let response = self.api.refresh_keys(request).await;
        Ok(self.answer(response)?.issuers)
    }

    /// The decision that the service would make.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn explain(
        &mut self,
        client_request: pb::ExplainRequest,
    ) -> Result<pb::Explanation, AdminError> {
        let response = self.api.explain(client_request).await;
        Ok(self.answer(response)?.explanation.unwrap_or_default())
    }

    /// The latest denials of requests with this ID.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn refusals(&mut self, id: &str) -> Result<Vec<pb::FoundRefusal>, AdminError> {
        let request_id = id.to_owned();
        let request = pb::FindRefusalsRequest { request_id };
        let response = self.api.find_refusals(request).await;
        Ok(self.answer(response)?.refusals)
    }

    /// Follows decisions.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn tail(&mut self, request: pb::TailRequest) -> Result<DecisionStream, AdminError> {
        let response = self.api.tail(request).await;
        self.answer(response).map(DecisionStream)
    }

    fn answer<T>(&self, response: Result<Response<T>, Status>) -> Result<T, AdminError> {
        response
            .map(Response::into_inner)
            .map_err(|status| AdminError::of(status, self.addr.to_string()))
    }
}

impl DecisionStream {
    /// The next message; `None` once the connection has ended, for whatever reason.
    pub async fn next(&mut self) -> Option<Item> {
        loop {
            let message = self.0.message().await.ok()??;
            // A later version of the service can send messages that this version does not know.
            if let Some(item) = message.item {
                return Some(item);
            }
        }
    }
}
