//! A service whose issuer has a key of each type.

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::issuer::KeyServer;
use crate::support::keys::{ed25519, p256, p384, p521, rsa, set};
use crate::support::service::{Service, issuer_at};
use crate::support::token::Token;

pub(super) struct Place {
    pub(super) server: KeyServer,
    pub(super) envoy: Envoy,
    pub(super) _service: Service,
}

pub(super) async fn place(lines: &str) -> Place {
    let keys = set([
        rsa(0).jwk("k"),
        p256(0).jwk("e"),
        p384().jwk("e3"),
        p521().jwk("e5"),
        ed25519().jwk("o"),
    ]);
    let server = KeyServer::with_keys(keys).await;
    let service = Service::ready(&issuer_at(&server, lines)).await;
    Place {
        envoy: service.envoy().await,
        _service: service,
        server,
    }
}

impl Place {
    pub(super) fn token(&self) -> Token {
        Token::of(&self.server.url(""))
    }

    pub(super) async fn assert(&self, token: &str, reason: &str, thing: &str) {
        let answer = self.envoy.check(ClientRequest::bearer(token)).await;
        assert_eq!(answer.reason(), reason, "{thing}");
    }
}

pub(super) const ALL: &str =
    "algorithms: [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA]";
