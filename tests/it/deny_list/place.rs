//! A service with a deny list in a file.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

pub(super) const ISSUER: &str = "https://issuer.test";

/// The configuration of one issuer with the key `k`, and these further lines.
pub(super) fn configuration(lines: &str) -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    format!("issuers:\n{issuer}{lines}")
}

pub(super) struct Place {
    pub(super) service: Service,
    pub(super) envoy: Envoy,
    pub(super) file: PathBuf,
    folder: TempDir,
}

impl Place {
    /// A service whose deny list has this text.
    pub(super) async fn with_list(text: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("revoked.yaml");
        std::fs::write(&file, text).unwrap();
        let revoked = format!("revoked: {{ file: '{}' }}\n", file.display());
        let service = Service::ready(&configuration(&revoked)).await;
        Place {
            envoy: service.envoy().await,
            service,
            file,
            folder,
        }
    }

    /// Replaces the list in one step.
    pub(super) fn replace(&self, text: &str) {
        let beside = self.folder.path().join("next");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, &self.file).unwrap();
    }

    pub(super) async fn reason(&self, token: &str) -> String {
        self.envoy
            .check(ClientRequest::bearer(token))
            .await
            .reason()
    }

    /// Waits until the token gets this reason.
    pub(super) async fn gets(&self, token: &str, reason: &str) {
        eventually(&format!("the token gets {reason}"), async || {
            (self.reason(token).await == reason).then_some(())
        })
        .await;
    }
}

/// Waits until this metric has a value that is wanted.
pub(super) async fn metric(service: &Service, series: &str, is_wanted: impl Fn(f64) -> bool) {
    eventually(&format!("{series} is as wanted"), async || {
        let (_, text) = get(service.admin, "localhost", "/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let value: f64 = line?.trim().parse().ok()?;
        is_wanted(value).then_some(())
    })
    .await;
}

/// A token of this subject, with one more claim.
pub(super) fn token(claim: &str, value: impl Into<Value>) -> String {
    Token::of(ISSUER).claim(claim, value).signed(rsa(0))
}
