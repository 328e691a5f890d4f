//! A configuration that waits for the keys of a new issuer delays no newer one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::rsa;
use crate::support::process::{Running, accredit};
use crate::support::service::inline_issuer;
use crate::support::token::Token;

use super::place::old_keys;

const ISSUER: &str = "https://issuer.test";

struct Waiting {
    folder: tempfile::TempDir,
    server: KeyServer,
    running: Running,
    envoy: Envoy,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("accredit.yaml")
}

impl Waiting {
    /// A service whose newest configuration waits for the keys of an issuer at a server with this reply.
    async fn begin(reply: impl Into<Reply>) -> Waiting {
        let server = KeyServer::with_keys(reply).await;
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path()).display().to_string();
        let mut waiting = {
            write(folder.path(), "");
            let mut running = Running::start(&mut accredit(&["serve", "--config", &path])).await;
            running.wait_for_line("\"ready\"").await;
            let envoy = Envoy::at(running.checks).await;
            Waiting {
                folder,
                server,
                running,
                envoy,
            }
        };
        assert_eq!(waiting.reason(ISSUER).await, "allowed");
        waiting.write(&waiting.new_issuer());
        waiting.server.wait_for_requests("/keys", 1).await;
        let issuer = waiting.server.url("");
        assert_eq!(waiting.reason(&issuer).await, "unknown_issuer");
        waiting
    }

    fn new_issuer(&self) -> String {
        let (issuer, uri) = (self.server.url(""), self.server.url("/keys"));
        format!(
            "  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}', timeout: 1h }}\n"
        )
    }

    fn write(&self, more: &str) {
        write(self.folder.path(), more);
    }

    async fn wait_for_line(&mut self, text: &str) {
        self.running.wait_for_line(text).await;
    }

    async fn reason(&mut self, issuer: &str) -> String {
        let token = Token::of(issuer).signed(rsa(0));
        self.envoy
            .check(ClientRequest::bearer(&token))
            .await
            .reason()
    }
}

/// Writes a configuration with one issuer at hand and these further lines.
fn write(folder: &Path, more: &str) {
    let issuer = inline_issuer(ISSUER, &old_keys(), "");
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(file(folder), format!("{ports}issuers:\n{issuer}{more}")).unwrap();
}

#[tokio::test]
async fn a_newer_configuration_takes_effect_while_an_earlier_one_waits_for_an_issuer() {
    let mut waiting = Waiting::begin(Reply::Hang).await;
    waiting.write("rules:\n  - { name: emergency, access: deny }\n");
    waiting.wait_for_line("configuration superseded").await;
    waiting.wait_for_line("configuration reloaded").await;
    assert_eq!(waiting.reason(ISSUER).await, "denied_by_rule");
    // No configuration uses the issuer of the superseded one any more.
    waiting.server.given_up(1).await;
    waiting.running.signal("TERM").await;
    let lines = waiting.running.lines_to_the_end().await;
    let reloads = lines
        .iter()
        .filter(|line| line.contains("configuration reloaded"));
    assert_eq!(reloads.count(), 0, "{lines:#?}");
}

/// SIGHUP without a change, too: the issuer is fetched once, and the configuration takes effect when it answers.
#[tokio::test]
async fn an_invalid_or_equal_configuration_does_not_end_the_wait_of_a_valid_one() {
    let gate = Arc::new(Semaphore::new(0));
    let mut waiting = Waiting::begin(Reply::When(gate.clone(), Answer::of(200, old_keys()))).await;
    waiting.write("rules: [");
    waiting
        .wait_for_line("the previous configuration stays active")
        .await;
    let unusable = waiting.folder.path().join("none.crt");
    let unusable = waiting
        .new_issuer()
        .replace("timeout: 1h", &format!("ca_file: '{}'", unusable.display()));
    waiting.write(&unusable);
    waiting
        .wait_for_line("the previous configuration stays active")
        .await;
    waiting.write(&waiting.new_issuer());
    waiting.running.signal("HUP").await;
    gate.add_permits(1);
    waiting.wait_for_line("configuration reloaded").await;
    let issuer = waiting.server.url("");
    assert_eq!(waiting.reason(&issuer).await, "allowed");
    assert_eq!(waiting.server.count("/keys"), 1);
}
