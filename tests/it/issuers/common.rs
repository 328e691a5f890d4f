//! What these tests share.

use crate::support::check_request::Ask;
use crate::support::service::Envoy;

pub(super) const ONE: &str = "https://one.test";
pub(super) const OTHER: &str = "https://other.test";

/// An answer's `reason`.
pub(super) async fn reason(envoy: &Envoy, token: &str) -> String {
    envoy.check(Ask::bearer(token)).await.reason()
}
