//! The development issuer's HTTP server, on a loopback address and nowhere else.

use std::{error::Error, fmt, io, net::SocketAddr, time::Duration};

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
    grant::Grant,
    host_guard,
    keys::KeyError,
    mint::{Minted, Minter},
    token_answer::TokenError,
};

/// How long open requests may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(2);

/// The largest body that is read.
const BODY_LIMIT: usize = 64 * 1024;

/// An issuer that is bound and has its keys, and serves once asked to.
pub struct DevIssuer {
    listener: TcpListener,
    address: SocketAddr,
    minter: Minter,
}

impl DevIssuer {
    /// Binds a loopback address (port 0 picks one) and makes the keys, in memory only.
    ///
    /// # Errors
    /// Any other address is refused: whoever reaches this issuer gets whatever token they like.
    pub async fn bind(addr: SocketAddr) -> Result<DevIssuer, BindError> {
        if !addr.ip().is_loopback() {
            return Err(BindError::NotLoopback(addr));
        }
        let failed = |error| BindError::Bind(addr, error);
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let issuer = format!("http://{address}");
        let minter = task::spawn_blocking(move || Minter::generate(issuer))
            .await
            .map_err(|_| BindError::Key(KeyError::Generation))?
            .map_err(BindError::Key)?;
        Ok(DevIssuer {
            listener,
            address,
            minter,
        })
    }

    /// The issuer's identifier, its URL without a final slash.
    pub fn issuer(&self) -> String {
        self.minter.issuer().to_owned()
    }

    /// The bound address.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What signs this issuer's tokens.
    pub fn minter(&self) -> Minter {
        self.minter.clone()
    }

    /// Serves until `stop` resolves, then lets open requests finish, for two seconds at most.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (stopping, stopped) = oneshot::channel::<()>();
        let (cut, uncut) = watch::channel(());
        let serving = axum::serve(self.listener, router(self.minter, uncut))
            .with_graceful_shutdown(async move {
                stop.await;
                drop(stopping);
            });
        let grace_over = async {
            // Never sent: it resolves when the other end is dropped.
            let _ = stopped.await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = serving => served,
            () = grace_over => {
                // axum's connections outlive this future; what they still do ends with this.
                drop(cut);
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

fn router(minter: Minter, uncut: watch::Receiver<()>) -> Router {
    let tokens = Router::new()
        .route("/oauth/token", post(token))
        .route("/dev/token", post(dev_token))
        .route("/dev/rotate", post(dev_rotate))
        .layer(middleware::map_response(forbid_storing));
    Router::new()
        .route("/keys", get(keys))
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .merge(tokens)
        .with_state(minter)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(host_guard::loopback_only))
        .layer(middleware::from_fn(until_cut))
        .layer(Extension(uncut))
}

async fn token(
    State(minter): State<Minter>,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Minted, TokenError> {
    let Form(fields) = form?;
    let grant = Grant::decide(&headers, fields)?;
    Ok(minter.issue(grant.client, &grant.scopes)?)
}

async fn dev_token(
    State(minter): State<Minter>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Minted, TokenError> {
    let overrides: Map<String, Value> =
        serde_json::from_slice(&body?).map_err(|_| TokenError::NotAnObject)?;
    Ok(minter.mint_with_claims(&overrides)?)
}

async fn dev_rotate(State(minter): State<Minter>) -> Result<Json<Value>, TokenError> {
    let kid = task::spawn_blocking(move || minter.replace_key())
        .await
        .map_err(|_| KeyError::Generation)??;
    Ok(Json(json!({ "kid": kid })))
}

async fn keys(State(minter): State<Minter>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "max-age=60")], Json(minter.key_set()))
}

/// One document for OpenID Connect Discovery and RFC 8414 alike.
async fn metadata(State(minter): State<Minter>) -> Json<Value> {
    let issuer = minter.issuer();
    Json(json!({
        "issuer": issuer,
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

/// RFC 6749, section 5.1, and errors all the same.
async fn forbid_storing(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Ends a request that is still open when the grace is over.
async fn until_cut(
    Extension(mut uncut): Extension<watch::Receiver<()>>,
    request: Request,
    next: Next,
) -> Response {
    tokio::select! {
        response = next.run(request) => response,
        // Nothing is ever sent: this resolves when the sender is dropped.
        _ = uncut.changed() => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Why the issuer does not stand.
#[derive(Debug)]
pub enum BindError {
    /// The address is not a loopback one.
    NotLoopback(SocketAddr),
    /// The system would not give the address.
    Bind(SocketAddr, io::Error),
    /// No keys could be made.
    Key(KeyError),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::NotLoopback(addr) => write!(
                f,
                "the development issuer listens on loopback addresses only, and {addr} is not one"
            ),
            BindError::Bind(addr, _) => {
                write!(f, "the development issuer cannot listen on {addr}")
            }
            BindError::Key(_) => f.write_str("the development issuer has no key"),
        }
    }
}

impl Error for BindError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BindError::NotLoopback(_) => None,
            BindError::Bind(_, error) => Some(error),
            BindError::Key(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests;
