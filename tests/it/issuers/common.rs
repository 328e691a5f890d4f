//! What these tests share.

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;

pub(super) const ONE: &str = "https://one.test";
pub(super) const OTHER: &str = "https://other.test";

/// An answer's `reason`.
pub(super) async fn reason(envoy: &Envoy, token: &str) -> String {
    envoy.check(ClientRequest::bearer(token)).await.reason()
}
