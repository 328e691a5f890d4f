//! The service of the admin API.

use std::sync::Arc;

use accredit_core::authz::authorizer::Authorizer;
use futures_util::future::join_all;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::admin::explains::Explains;
use crate::admin::follow::{self, TailMessages};
use crate::admin::pb::admin_server::{Admin, AdminServer};
use crate::admin::{convert, pb};
use crate::observe::tail::filter::{Filter, FilterError};
use crate::observe::tail::followers::Followers;
use crate::observe::tail::last_refusals::LastRefusals;
use crate::telemetry::logs::{LevelControl, LogSettingError};

/// The maximum size of a request message, in bytes. An explain request can have 10,000 headers and context extensions.
const MAX_REQUEST: usize = 1024 * 1024;

/// The maximum length of a log level with its directives by module. It is parsed on the thread that refreshes keys.
const MAX_LOG_LEVEL: usize = 4 * 1024;

/// Returns the authorizer in force: a reload replaces it.
pub type AuthorizerSource = Arc<dyn Fn() -> Arc<Authorizer> + Send + Sync>;

/// The admin API of one process.
pub struct AdminApi(AdminSources);

/// What the admin API reads and changes.
#[derive(Clone)]
pub struct AdminSources {
    pub authorizer: AuthorizerSource,
    pub explainer: Arc<dyn Explains>,
    pub followers: Arc<Followers>,
    pub last_refusals: Arc<LastRefusals>,
    pub log_level: LevelControl,
}

impl AdminApi {
    pub fn server(sources: AdminSources) -> AdminServer<AdminApi> {
        AdminServer::new(AdminApi(sources)).max_decoding_message_size(MAX_REQUEST)
    }

    fn issuers(&self, wanted: impl Fn(&str) -> bool) -> Vec<pb::Issuer> {
        let now = Instant::now().into_std();
        let authorizer = (self.0.authorizer)();
        let issuers = authorizer.authenticator().issuers().iter();
        issuers
            .filter(|issuer| issuer.names.iter().any(|name| wanted(name)))
            .map(|issuer| convert::issuer(issuer, now))
            .collect()
    }
}

#[tonic::async_trait]
impl Admin for AdminApi {
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
        let authorizer = (self.0.authorizer)();
        let issuers = authorizer.authenticator().issuers();
        let chosen: Vec<_> = issuers
            .iter()
            .filter(|issuer| issuer.names.iter().any(|name| is_wanted(name)))
            .collect();
        if chosen.is_empty() {
            return Err(Status::not_found("no issuer of this name is configured"));
        }
        join_all(
            chosen
                .iter()
                .map(|issuer| issuer.keys.refresh_now(Instant::now().into_std())),
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
        if level.len() > MAX_LOG_LEVEL {
            let text = format!("the log level is longer than {MAX_LOG_LEVEL} bytes");
            return Err(Status::invalid_argument(text));
        }
        match self.0.log_level.set(&level) {
            Ok(previous) => {
                tracing::warn!(new = level, previous, "log level changed");
                Ok(Response::new(pb::SetLogLevelResponse { previous }))
            }
            Err(error @ LogSettingError::NotInControl) => {
                Err(Status::failed_precondition(error.to_string()))
            }
            Err(error) => Err(Status::invalid_argument(error.to_string())),
        }
    }

    async fn explain(
        &self,
        request: Request<pb::ExplainRequest>,
    ) -> Result<Response<pb::ExplainResponse>, Status> {
        let explanation = self.0.explainer.explain(request.into_inner());
        Ok(Response::new(pb::ExplainResponse {
            explanation: Some(explanation),
        }))
    }

    type TailStream = TailMessages;

    async fn tail(
        &self,
        request: Request<pb::TailRequest>,
    ) -> Result<Response<TailMessages>, Status> {
        let filter = Filter::try_from(request.into_inner())
            .map_err(|error: FilterError| Status::invalid_argument(error.to_string()))?;
        let following = self.0.followers.follow(filter)?;
        Ok(Response::new(follow::messages(following)))
    }

    async fn find_refusals(
        &self,
        request: Request<pb::FindRefusalsRequest>,
    ) -> Result<Response<pb::FindRefusalsResponse>, Status> {
        let id = request.into_inner().request_id;
        if id.is_empty() {
            return Err(Status::invalid_argument("request_id is empty"));
        }
        let kept = self.0.last_refusals.of_request(&id);
        let refusals = kept.iter().map(|report| pb::FoundRefusal {
            decision: Some(convert::decision(report)),
            explanation: self.0.explainer.explain_refusal(report),
        });
        Ok(Response::new(pb::FindRefusalsResponse {
            refusals: refusals.collect(),
        }))
    }
}
