//! Issuer entries with one source exchange the key sets that they fetch: a key that is withdrawn for one of them is withdrawn for
//! the others, before, during and after a reload.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::eventually::eventually;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::token::Token;

use super::place::old_keys;

const ISSUER: &str = "https://issuer.test";

fn next_keys() -> String {
    set([rsa(1).jwk("next")])
}

/// A key server, and a service that has fetched the key set with the key `k` for an entry with these settings of `jwks`.
struct Place {
    folder: tempfile::TempDir,
    server: KeyServer,
    /// The key server of another issuer, which answers once the gate is open.
    other: KeyServer,
    gate: Arc<Semaphore>,
    process: Running,
}

/// What a reload changes in the entry.
#[derive(Clone, Copy, Debug)]
enum Change {
    Times,
    Credentials,
}

impl Place {
    async fn begin(jwks: &str) -> Place {
        let gate = Arc::new(Semaphore::new(0));
        let reply = Reply::When(gate.clone(), Answer::of(200, old_keys()));
        let (server, other) = (
            KeyServer::with_keys(old_keys()).await,
            KeyServer::with_keys(reply).await,
        );
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &entry(&server, ISSUER, jwks));
        let process = serve(folder.path()).await;
        let place = Place {
            folder,
            server,
            other,
            gate,
            process,
        };
        assert_eq!(place.reason("k", 0).await, "allowed");
        place
    }

    /// The settings of `jwks` that a reload gives to the entry, which is then refreshed once an hour.
    fn changed(&self, change: Change) -> String {
        match change {
            Change::Times => ", refresh: 1h, max_stale: 23h".to_owned(),
            Change::Credentials => {
                let file = self.folder.path().join("token");
                std::fs::write(&file, "credential").unwrap();
                format!(", refresh: 1h, bearer_file: '{}'", file.display())
            }
        }
    }

    /// Writes a configuration that changes the entry and waits for the keys of another issuer.
    async fn begin_reload(&self, issuers: &str, jwks: &str) {
        let entries = entry(&self.server, issuers, jwks);
        let new = entry(&self.other, "https://other.test", ", timeout: 1m");
        let before = self.server.count("/keys");
        write(self.folder.path(), &format!("{entries}{new}"));
        self.other.wait_for_requests("/keys", 1).await;
        self.server.wait_for_requests("/keys", before + 1).await;
    }

    async fn end_reload(&mut self) {
        self.gate.add_permits(1);
        self.process.wait_for_line("configuration reloaded").await;
    }

    async fn reason(&self, kid: &str, key: usize) -> String {
        let token = Token::of(ISSUER).kid(kid).signed(rsa(key));
        let envoy = Envoy::at(self.process.checks).await;
        envoy.check(ClientRequest::bearer(&token)).await.reason()
    }

    async fn is_withdrawn(&self) {
        // Not by a token with the next key: that one would start a fetch.
        eventually("the key is withdrawn", async || {
            (self.reason("k", 0).await != "allowed").then_some(())
        })
        .await;
    }
}

fn entry(server: &KeyServer, issuers: &str, jwks: &str) -> String {
    let uri = server.url("/keys");
    format!(
        "  - issuer: {issuers}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}'{jwks} }}\n"
    )
}

fn write(folder: &Path, issuers: &str) {
    let state = folder.join("state");
    let head = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    let text = format!(
        "{head}state_dir: '{}'\nissuers:\n{issuers}",
        state.display()
    );
    std::fs::write(folder.join("accredit.yaml"), text).unwrap();
}

async fn serve(folder: &Path) -> Running {
    let file = folder.join("accredit.yaml").display().to_string();
    let mut process = Running::start(&mut accredit(&["serve", "--config", &file])).await;
    process.wait_for_line("\"ready\"").await;
    process
}

/// The new entry has fetched the older set, and does not fetch again. The old entry sees that the key is withdrawn while the
/// reload waits for another issuer.
#[tokio::test]
async fn a_reload_does_not_bring_back_a_key_that_was_withdrawn_while_it_waited() {
    for change in [Change::Times, Change::Credentials] {
        let mut place = Place::begin(", refresh: 1s").await;
        let jwks = place.changed(change);
        place.begin_reload(ISSUER, &jwks).await;
        place.server.serve("/keys", next_keys());
        place.is_withdrawn().await;
        place.server.serve("/keys", Answer::of(500, "no"));
        place.end_reload().await;
        assert_eq!(place.reason("next", 1).await, "allowed", "{change:?}");
        assert_ne!(place.reason("k", 0).await, "allowed", "{change:?}");
    }
}

/// CONTRACT 5.6.1: at once, although the configuration whose entry fetched the set is not active yet.
#[tokio::test]
async fn a_key_whose_absence_a_waiting_configuration_has_seen_stops_admitting() {
    for change in [Change::Times, Change::Credentials] {
        let mut place = Place::begin(", refresh: 1h").await;
        place.server.serve("/keys", next_keys());
        let jwks = place.changed(change);
        place.begin_reload(ISSUER, &jwks).await;
        place.is_withdrawn().await;
        place.server.serve("/keys", Answer::of(500, "no"));
        place.end_reload().await;
        assert_ne!(place.reason("k", 0).await, "allowed", "{change:?}");
    }
}

/// The file of an entry is bound to its issuers. The process withdrew the key for another list of issuers only.
#[tokio::test]
async fn a_key_set_from_another_entry_is_saved_for_each_entry_that_uses_it() {
    let mut place = Place::begin(", refresh: 1h").await;
    let both = format!("['{ISSUER}', 'https://two.test']");
    place.server.serve("/keys", next_keys());
    place.begin_reload(&both, ", refresh: 1h").await;
    place.is_withdrawn().await;
    place.end_reload().await;
    place.server.serve("/keys", Answer::of(500, "no"));
    place.process.signal("TERM").await;
    assert_eq!(place.process.exit_code().await, Some(0));
    for issuers in [both.as_str(), ISSUER] {
        write(
            place.folder.path(),
            &entry(&place.server, issuers, ", refresh: 1h"),
        );
        place.process = serve(place.folder.path()).await;
        assert_eq!(place.reason("next", 1).await, "allowed", "{issuers}");
        assert_ne!(place.reason("k", 0).await, "allowed", "{issuers}");
    }
}

/// An issuer that is down when its entry changes: no fetch of the changed entry brings what is to be saved.
#[tokio::test]
async fn inherited_keys_are_saved_for_a_changed_list_of_issuers() {
    let mut place = Place::begin(", refresh: 1h").await;
    place.server.serve("/keys", Answer::of(500, "no"));
    let both = format!("['{ISSUER}', 'https://two.test']");
    place.begin_reload(&both, ", refresh: 1h").await;
    place.end_reload().await;
    assert_eq!(place.reason("k", 0).await, "allowed");
    place.process.signal("TERM").await;
    assert_eq!(place.process.exit_code().await, Some(0));
    write(
        place.folder.path(),
        &entry(&place.server, &both, ", refresh: 1h"),
    );
    place.process = serve(place.folder.path()).await;
    assert_eq!(place.reason("k", 0).await, "allowed");
}
