//! Answers the admin API.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::admin::pb;
use crate::admin::pb::admin_server::Admin;
use crate::admin::{convert, pb::admin_server::AdminServer};
use crate::authz::authorizer::Authorizer;
use crate::telemetry::logs::{LevelControl, LevelError};

/// Gives the authorizer that is in force now: a reload replaces it.
pub type AuthorizerSource = Arc<dyn Fn() -> Arc<Authorizer> + Send + Sync>;

/// The admin API of one process.
pub struct AdminService {
    authorizer: AuthorizerSource,
    log_level: LevelControl,
}

impl AdminService {
    /// Tells of what is in force.
    pub fn server(
        authorizer: AuthorizerSource,
        log_level: LevelControl,
    ) -> AdminServer<AdminService> {
        AdminServer::new(AdminService {
            authorizer,
            log_level,
        })
    }

    fn issuers(&self, wanted: impl Fn(&str) -> bool) -> Vec<pb::Issuer> {
        let now = Instant::now();
        let authorizer = (self.authorizer)();
        let issuers = authorizer.authenticator().issuers().iter();
        issuers
            .filter(|issuer| issuer.names.iter().any(|name| wanted(name)))
            .map(|issuer| convert::issuer(issuer, now))
            .collect()
    }
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn list_issuers(
        &self,
        _: Request<pb::ListIssuersRequest>,
    ) -> Result<Response<pb::ListIssuersResponse>, Status> {
        Ok(Response::new(pb::ListIssuersResponse {
            issuers: self.issuers(|_| true),
        }))
    }

    async fn refresh_keys(
        &self,
        request: Request<pb::RefreshKeysRequest>,
    ) -> Result<Response<pb::RefreshKeysResponse>, Status> {
        let wanted = request.into_inner().issuer;
        let is_wanted = |name: &str| wanted.is_empty() || wanted == name;
        let authorizer = (self.authorizer)();
        let issuers = authorizer.authenticator().issuers();
        let chosen: Vec<_> = issuers
            .iter()
            .filter(|issuer| issuer.names.iter().any(|name| is_wanted(name)))
            .collect();
        if chosen.is_empty() {
            return Err(Status::not_found("no such issuer is configured"));
        }
        join_all(
            chosen
                .iter()
                .map(|issuer| issuer.keys.refresh_now(Instant::now())),
        )
        .await;
        Ok(Response::new(pb::RefreshKeysResponse {
            issuers: self.issuers(is_wanted),
        }))
    }

    async fn set_log_level(
        &self,
        request: Request<pb::SetLogLevelRequest>,
    ) -> Result<Response<pb::SetLogLevelResponse>, Status> {
        let level = request.into_inner().level;
        match self.log_level.set(&level) {
            Ok(previous) => {
                tracing::warn!(level, previous, "the log level was changed");
                Ok(Response::new(pb::SetLogLevelResponse { previous }))
            }
            Err(error @ LevelError::Unknown(_)) => Err(Status::invalid_argument(error.to_string())),
            Err(error @ LevelError::NotOurs) => Err(Status::failed_precondition(error.to_string())),
        }
    }
}
