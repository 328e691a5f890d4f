//! A service and a process with one good token.

use std::path::PathBuf;

use crate::support::check_request::ClientRequest;
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

pub(super) const ISSUER: &str = "https://issuer.test";

pub(super) async fn service(more: &str) -> Service {
    let entry = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    Service::ready(&format!("issuers:\n{entry}{more}")).await
}

pub(super) fn good() -> ClientRequest {
    ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0)))
}

pub(super) fn length(message: &[u8]) -> u32 {
    u32::try_from(message.len()).unwrap()
}

/// The process, with all three ports.
pub(super) async fn process(folder: &tempfile::TempDir) -> Running {
    process_with(folder, "").await
}

/// The process, with all three ports and these further lines of configuration.
pub(super) async fn process_with(folder: &tempfile::TempDir, more: &str) -> Running {
    let file = configuration_file(folder, more);
    let path = file.to_str().unwrap();
    let mut running = Running::start(&mut accredit(&["serve", "--config", path])).await;
    running.wait_for_line("\"ready\"").await;
    running.hear();
    running
}

/// A configuration with all three ports and these further lines.
pub(super) fn configuration_file(folder: &tempfile::TempDir, more: &str) -> PathBuf {
    let file = folder.path().join("accredit.yaml");
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    let ports =
        ["listen", "admin_listen", "probe_listen"].map(|key| format!("{key}: 127.0.0.1:0\n"));
    std::fs::write(&file, format!("{}issuers:\n{issuer}{more}", ports.concat())).unwrap();
    file
}
