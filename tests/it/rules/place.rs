//! What these tests share.

use crate::support::check_request::ClientRequest;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

pub(super) const ISSUER: &str = "https://one.test";

/// A service with one issuer whose keys are held, and these further lines.
pub(super) async fn service(lines: &str) -> Service {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    let other = inline_issuer("https://other.test", &set([rsa(1).jwk("k")]), "");
    Service::ready(&format!("issuers:\n{issuer}{other}{lines}")).await
}

/// A token of the first issuer.
pub(super) fn token() -> Token {
    Token::of(ISSUER)
}

/// A request with that token.
pub(super) fn with(token: Token) -> ClientRequest {
    ClientRequest::bearer(&token.signed(rsa(0)))
}
