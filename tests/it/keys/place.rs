//! A key server and the service that has fetched its keys.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, issuer_at};
use crate::support::token::Token;

/// What a caller waits when a test lets a wait run out.
pub(super) const SHORT: Duration = Duration::from_secs(1);

pub(super) struct Place {
    pub(super) server: KeyServer,
    pub(super) service: Service,
    pub(super) envoy: Envoy,
}

/// A server with one RSA key `k`, and the service that has fetched it.
pub(super) async fn place(lines: &str) -> Place {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let service = Service::ready(&issuer_at(&server, lines)).await;
    assert_eq!(server.count("/keys"), 1);
    Place {
        envoy: service.envoy().await,
        service,
        server,
    }
}

impl Place {
    pub(super) fn token(&self) -> Token {
        Token::of(&self.server.url(""))
    }

    /// A token that the key of the start has signed.
    pub(super) fn known(&self) -> String {
        self.token().signed(rsa(0))
    }

    /// A token under a kid that is not held, signed by a key that is not held either.
    pub(super) fn unknown(&self, kid: &str) -> String {
        self.token().kid(kid).signed(rsa(1))
    }

    pub(super) async fn reason(&self, token: &str) -> String {
        self.envoy
            .check(ClientRequest::bearer(token))
            .await
            .reason()
    }

    /// From now on the server holds answers back until it is given permits.
    pub(super) fn gate(&self, keys: String) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.server
            .serve("/keys", Reply::When(gate.clone(), Answer::of(200, keys)));
        gate
    }

    pub(super) fn fetches(&self) -> usize {
        self.server.count("/keys")
    }
}

pub(super) fn old_keys() -> String {
    set([rsa(0).jwk("k")])
}
