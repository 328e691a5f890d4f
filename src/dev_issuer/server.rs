//! The HTTP server of the development issuer. It listens on loopback only.

use std::{fmt, io, net::SocketAddr, time::Duration};

use axum::{
    Extension, Form, Json, Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, Request, State,
        rejection::{BytesRejection, FormRejection},
    },
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, PRAGMA},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value, json};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task,
};

use crate::dev_issuer::{
    grant::TokenGrant,
    host_guard,
    keys::KeyError,
    mint::{Minted, Minter},
    token_answer::TokenRequestError,
};

/// The time limit for open requests after the stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// The maximum size of a request body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// An issuer that is bound to its address and has its keys. [`DevIssuer::serve`] answers requests.
pub struct DevIssuer {
    listener: TcpListener,
    address: SocketAddr,
    minter: Minter,
}

impl DevIssuer {
    /// Binds a loopback address (port 0 chooses a port), and generates the keys.
    ///
    /// # Errors
    /// [`DevIssuerError`]. An address that is not loopback is an error, because this issuer gives any token to any caller.
    pub async fn bind(addr: SocketAddr) -> Result<DevIssuer, DevIssuerError> {
        if !addr.ip().is_loopback() {
            return Err(DevIssuerError::NotLoopback(addr));
        }
        let failed = |error| DevIssuerError::Bind(addr, error);
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let issuer = format!("http://{address}");
        let minter = task::spawn_blocking(move || Minter::generate(issuer))
            .await
            .map_err(|_| DevIssuerError::Key(KeyError::Generation))?
            .map_err(DevIssuerError::Key)?;
        Ok(DevIssuer {
            listener,
            address,
            minter,
        })
    }

    /// The `iss` of the tokens: the issuer's URL without a final slash.
    pub fn issuer(&self) -> String {
        self.minter.issuer().to_owned()
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Signs tokens of this issuer without a request.
    pub fn minter(&self) -> Minter {
        self.minter.clone()
    }

    /// Serves until `stop` resolves. Open requests then have two seconds to finish.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (stopping, stopped) = oneshot::channel::<()>();
        let (abort, aborted) = watch::channel(());
        let serving = axum::serve(self.listener, router(self.minter, aborted))
            .with_graceful_shutdown(async move {
                stop.await;
                drop(stopping);
            });
        let grace_over = async {
            // Resolves when the sender is dropped.
            let _ = stopped.await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        tokio::select! {
            served = serving => served,
            () = grace_over => {
                // axum's connections outlive this future. Dropping the sender ends their requests.
                drop(abort);
                Ok(())
            }
        }
    }
}

impl fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevIssuer")
            .field("issuer", &self.minter.issuer())
            .finish_non_exhaustive()
    }
}

fn router(minter: Minter, aborted: watch::Receiver<()>) -> Router {
    let tokens = Router::new()
        .route("/oauth/token", post(token))
        .route("/dev/token", post(dev_token))
        .route("/dev/rotate", post(dev_rotate))
        .layer(middleware::map_response(forbid_storing));
    Router::new()
        .route("/keys", get(keys))
        .route("/oauth/authorize", get(authorize))
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .merge(tokens)
        .with_state(minter)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(host_guard::loopback_only))
        .layer(middleware::from_fn(until_aborted))
        .layer(Extension(aborted))
}

async fn token(
    State(minter): State<Minter>,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Minted, TokenRequestError> {
    let Form(fields) = form?;
    let grant = TokenGrant::decide(&headers, fields)?;
    Ok(minter.issue(grant.client, &grant.scopes)?)
}

async fn dev_token(
    State(minter): State<Minter>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Minted, TokenRequestError> {
    let overrides: Map<String, Value> =
        serde_json::from_slice(&body?).map_err(|_| TokenRequestError::NotAnObject)?;
    Ok(minter.mint(&overrides)?)
}

async fn dev_rotate(State(minter): State<Minter>) -> Result<Json<Value>, TokenRequestError> {
    let kid = task::spawn_blocking(move || minter.rotate())
        .await
        .map_err(|_| KeyError::Generation)??;
    Ok(Json(json!({ "kid": kid })))
}

async fn keys(State(minter): State<Minter>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "max-age=60")], Json(minter.key_set()))
}

/// Has no users, and therefore nothing to authorize.
async fn authorize() -> TokenRequestError {
    TokenRequestError::NoUsers
}

/// The document for OpenID Connect Discovery and for RFC 8414.
async fn metadata(State(minter): State<Minter>) -> Json<Value> {
    let issuer = minter.issuer();
    Json(json!({
        "issuer": issuer,
        // Clients such as those of the Model Context Protocol refuse a document without it, whatever the grant types.
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": ["deploy:applications", "read:deployments"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }))
}

/// RFC 6749 section 5.1 forbids caching of tokens. Errors get the same headers.
async fn forbid_storing(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Answers 503 to a request that is still open after the grace period.
async fn until_aborted(
    Extension(mut aborted): Extension<watch::Receiver<()>>,
    request: Request,
    next: Next,
) -> Response {
    tokio::select! {
        response = next.run(request) => response,
        // Resolves when the sender is dropped.
        _ = aborted.changed() => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Why the development issuer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DevIssuerError {
    /// The address is not loopback.
    #[error("{0} is not a loopback address; the development issuer listens on loopback only")]
    NotLoopback(SocketAddr),
    /// The address cannot be bound.
    #[error("the development issuer cannot listen on {0}: {1}")]
    Bind(SocketAddr, #[source] io::Error),
    /// The keys cannot be generated.
    #[error("the development issuer has no key: {0}")]
    Key(#[source] KeyError),
}

#[cfg(test)]
mod tests;
