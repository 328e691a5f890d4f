//! Reaches the admin API of a running service, as its commands do.

use std::time::Duration;

use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use crate::admin::addr::{AdminAddr, Proofs};
use crate::admin::client_error::{AdminError, root};
use crate::admin::pb;
use crate::admin::pb::admin_client::AdminClient;
use crate::admin::pb::tail_response::Told;

/// How long a connection may take, the handshake of TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An explanation may name every rule of a large configuration.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// The admin API of one service, which answers.
#[derive(Debug)]
pub struct Client {
    addr: AdminAddr,
    api: AdminClient<Channel>,
}

/// Decisions as they are made.
#[derive(Debug)]
pub struct Tail(Streaming<pb::TailResponse>);

// === impl Client ===

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn connect(addr: &AdminAddr, proofs: &Proofs) -> Result<Client, AdminError> {
        let unreachable = |cause| AdminError::Unreachable(addr.to_string(), cause);
        let endpoint = addr.endpoint(proofs)?;
        // The library's own limit ends before the handshake.
        let channel = timeout(CONNECT_TIMEOUT, endpoint.connect())
            .await
            .map_err(|_| unreachable(format!("no connection within {CONNECT_TIMEOUT:?}")))?
            .map_err(|error| unreachable(root(&error)))?;
        Ok(Client {
            addr: addr.clone(),
            api: AdminClient::new(channel).max_decoding_message_size(LONGEST_ANSWER),
        })
    }

    /// The issuers and their keys.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn issuers(&mut self) -> Result<Vec<pb::Issuer>, AdminError> {
        let response = self.api.list_issuers(pb::ListIssuersRequest {}).await;
        self.told(response).map(|told| told.issuers)
    }

    /// The same after every key set was fetched.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn refreshed_issuers(&mut self) -> Result<Vec<pb::Issuer>, AdminError> {
        let request = pb::RefreshKeysRequest::default();
        let response = self.api.refresh_keys(request).await;
        self.told(response).map(|told| told.issuers)
    }

    /// What the service would decide.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn explain(
        &mut self,
        ask: pb::ExplainRequest,
    ) -> Result<pb::Explanation, AdminError> {
        let response = self.api.explain(ask).await;
        self.told(response)
            .map(|told| told.explanation.unwrap_or_default())
    }

    /// The kept refusals of the requests with that id.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn refusals(&mut self, id: &str) -> Result<Vec<pb::FoundRefusal>, AdminError> {
        let request_id = id.to_owned();
        let response = self
            .api
            .find_refusals(pb::FindRefusalsRequest { request_id });
        let response = response.await;
        self.told(response).map(|told| told.refusals)
    }

    /// Follows decisions.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn tail(&mut self, request: pb::TailRequest) -> Result<Tail, AdminError> {
        let response = self.api.tail(request).await;
        self.told(response).map(Tail)
    }

    fn told<T>(&self, response: Result<Response<T>, Status>) -> Result<T, AdminError> {
        response
            .map(Response::into_inner)
            .map_err(|status| AdminError::of(status, &self.addr))
    }
}

impl Tail {
    /// What there is to tell next; `None` once the connection has ended, for whatever reason.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            let message = self.0.message().await.ok()??;
            // A message of a later version may tell what we do not know.
            if let Some(told) = message.told {
                return Some(told);
            }
        }
    }
}
