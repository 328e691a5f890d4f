//! A service to ask, and the commands that ask.

use crate::support::keys::{rsa, set};
use crate::support::process::{Ended, accredit, ended};
use crate::support::service::inline_issuer;

pub(super) fn configuration() -> String {
    let issuer = inline_issuer("https://one.test", &set([rsa(0).jwk("k")]), "");
    format!("issuers:\n{issuer}")
}

pub(super) async fn run(arguments: &[&str]) -> Ended {
    ended(&mut accredit(arguments)).await
}
