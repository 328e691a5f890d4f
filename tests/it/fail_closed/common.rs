//! A service with one good token.

use crate::support::check_request::Ask;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

pub(super) const ISSUER: &str = "https://issuer.test";

pub(super) async fn service(more: &str) -> Service {
    let entry = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    Service::ready(&format!("issuers:\n{entry}{more}")).await
}

pub(super) fn good() -> Ask {
    Ask::bearer(&Token::of(ISSUER).signed(rsa(0)))
}

pub(super) fn length(message: &[u8]) -> u32 {
    u32::try_from(message.len()).unwrap()
}
