//! Configurations that are in force at the same time share key stores, and a store is refreshed as long as one of them uses it.

use std::sync::Arc;

use accredit::envoy::service::now;
use accredit::jwks::key_stores::KeyStores;
use accredit_core::authn::authenticator::attempt::CacheLookup;
use accredit_core::authn::authenticator::ticket::KeyTicket;
use accredit_core::authz::answer::{Answer as Decision, Judged};
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::engine::{Engines, key_entries};
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::eventually::within;
use crate::support::http_get::get;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::service::{inline_issuer, issuer_at, settings};
use crate::support::token::Token;

use super::place::{SHORT, old_keys};

/// A process with several configurations, as a user of the library runs them.
#[derive(Default)]
struct Process {
    key_stores: KeyStores,
    engines: Engines,
}

impl Process {
    fn load(&mut self, configuration: &str) -> Authorizer {
        let mut settings = settings(configuration);
        let leases = self.key_stores.lease(&key_entries(&settings));
        self.key_stores.start();
        self.engines
            .build(&mut settings, leases.expect("no CA files"), None)
    }
}

/// A check that is being answered.
struct Check<'a> {
    authorizer: &'a Authorizer,
    authorization: String,
}

impl<'a> Check<'a> {
    fn new(authorizer: &'a Authorizer, token: &str) -> Check<'a> {
        Check {
            authorizer,
            authorization: format!("Bearer {token}"),
        }
    }

    fn request(&self) -> Request<'_> {
        let headers = [("authorization", self.authorization.as_bytes())];
        Request {
            method: "GET",
            host: "api.test",
            path: "/",
            headers: Headers::new(headers.into_iter(), Completeness::Complete),
            source_address: "",
            source_principal: "",
            source_certificate: ClientCertificate::Absent,
            scheme: "https",
            context: Vec::new(),
            trace: None,
        }
    }

    fn waits(&self) -> KeyTicket {
        match self.authorizer.judge(&self.request(), now().unwrap()) {
            Judgement::Wait(ticket) => ticket,
            other => panic!("does not wait: {other:?}"),
        }
    }

    async fn judged(&self) -> Judged {
        match self.authorizer.judge(&self.request(), now().unwrap()) {
            Judgement::Judged(judged) => judged,
            Judgement::Wait(ticket) => self.after(&ticket).await,
            Judgement::UseProof(_) => panic!("the token is not bound"),
        }
    }

    async fn after(&self, ticket: &KeyTicket) -> Judged {
        within("the wait ends", ticket.ready()).await;
        let request = self.request();
        let moment = now().unwrap();
        match self.authorizer.judge_after(&request, moment, ticket) {
            Judgement::Judged(judged) => judged,
            other => panic!("waits again: {other:?}"),
        }
    }
}

fn is_admitted(judged: &Judged) -> bool {
    matches!(judged.answer, Decision::Admit(_))
}

#[tokio::test]
async fn two_configurations_share_one_fetch_and_one_token_cache() {
    let gate = Arc::new(Semaphore::new(0));
    let server = KeyServer::with_keys(Reply::When(gate.clone(), Answer::of(200, old_keys()))).await;
    let token = Token::of(&server.url("")).signed(rsa(0));
    let mut process = Process::default();
    let first = process.load(&issuer_at(&server, ""));
    let second = process.load(&format!("realm: other\n{}", issuer_at(&server, "")));
    let (first, second) = (Check::new(&first, &token), Check::new(&second, &token));
    server.wait_for_requests("/keys", 1).await;
    let (first_ticket, second_ticket) = (first.waits(), second.waits());
    gate.add_permits(1);
    let judged = first.after(&first_ticket).await;
    assert!(is_admitted(&judged), "{judged:?}");
    assert_eq!(judged.record.cache, Some(CacheLookup::Miss));
    let judged = second.after(&second_ticket).await;
    assert!(is_admitted(&judged), "{judged:?}");
    assert_eq!(judged.record.cache, Some(CacheLookup::Hit));
    assert_eq!(server.count("/keys"), 1);
}

#[tokio::test]
async fn keys_are_refreshed_until_the_last_configuration_is_dropped() {
    let server = KeyServer::with_keys(old_keys()).await;
    let mut process = Process::default();
    let first = process.load(&issuer_at(&server, ""));
    let second = process.load(&format!("realm: other\n{}", issuer_at(&server, "")));
    let issuer = Token::of(&server.url(""));
    server.wait_for_requests("/keys", 1).await;
    let known = Check::new(&second, &issuer.clone().signed(rsa(0)));
    assert!(is_admitted(&known.judged().await));

    drop(first);
    server.serve("/keys", set([rsa(0).jwk("k"), rsa(1).jwk("next")]));
    let rotated = Check::new(&second, &issuer.clone().kid("next").signed(rsa(1)));
    assert!(is_admitted(&rotated.judged().await));
    assert_eq!(server.count("/keys"), 2);

    server.serve("/keys", Reply::Hang);
    let store = second.authenticator().issuers().iter().next().unwrap();
    let store = store.keys.clone();
    let mut refreshed = Box::pin(store.refresh_now(std::time::Instant::now()));
    assert_eq!(refreshed.as_mut().now_or_never(), None);
    server.wait_for_requests("/keys", 3).await;
    drop(second);
    server.given_up(1).await;
    within("the refresh is answered", refreshed).await;
    assert_eq!(process.key_stores.failed().now_or_never(), None);
    assert_eq!(server.count("/keys"), 3);
}

/// A cached token keeps its issuer entry in memory, and must not keep the entry's refresher.
#[tokio::test]
async fn a_configuration_that_is_loaded_again_fetches_again() {
    let server = KeyServer::with_keys(old_keys()).await;
    let token = Token::of(&server.url("")).signed(rsa(0));
    let mut process = Process::default();
    let other = process.load(&format!(
        "issuers:\n{}",
        inline_issuer("https://other.test", &old_keys(), "")
    ));
    for fetches in 1..=3 {
        let authorizer = process.load(&issuer_at(&server, ""));
        server.wait_for_requests("/keys", fetches).await;
        let check = Check::new(&authorizer, &token);
        let judged = check.judged().await;
        assert!(is_admitted(&judged), "{judged:?}");
        // The other configuration keeps the token cache.
        assert_eq!(judged.record.cache, Some(CacheLookup::Miss));
        assert_eq!(server.count("/keys"), fetches);
    }
    drop(other);
}

fn configuration(issuers: &str) -> String {
    let other = inline_issuer("https://other.test", &old_keys(), "");
    let issuers = if issuers.is_empty() {
        "issuers:\n"
    } else {
        issuers
    };
    format!("listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n{issuers}{other}")
}

async fn serve(file: &std::path::Path) -> (Running, Envoy) {
    let file = file.display().to_string();
    let mut running = Running::start(&mut accredit(&["serve", "--config", &file])).await;
    running.wait_for_line("\"ready\"").await;
    let envoy = Envoy::at(running.checks).await;
    (running, envoy)
}

#[tokio::test]
async fn an_issuer_that_is_removed_and_added_again_is_fetched_again() {
    let server = KeyServer::with_keys(old_keys()).await;
    let with_issuer = configuration(&issuer_at(&server, "").replace("}", ", timeout: 1m }"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, &with_issuer).unwrap();
    let (mut running, envoy) = serve(&file).await;
    let issuer = Token::of(&server.url(""));
    let known = issuer.clone().signed(rsa(0));
    assert_eq!(
        envoy.check(ClientRequest::bearer(&known)).await.reason(),
        "allowed"
    );
    let (_, text) = get(running.admin, "localhost", "/metrics").await;
    assert!(text.contains(&server.url("")), "{text}");
    server.serve("/keys", Reply::Hang);
    let unknown = issuer.kid("next").signed(rsa(1));
    let answer = envoy
        .check_within(ClientRequest::bearer(&unknown), SHORT)
        .await;
    assert_eq!(answer.reason(), "key_pending");

    std::fs::write(&file, configuration("")).unwrap();
    running.wait_for_line("configuration reloaded").await;
    server.given_up(1).await;
    assert_eq!(
        envoy.check(ClientRequest::bearer(&known)).await.reason(),
        "unknown_issuer"
    );
    let (_, text) = get(running.admin, "localhost", "/metrics").await;
    assert!(!text.contains(&server.url("")), "{text}");

    server.serve("/keys", set([rsa(0).jwk("k"), rsa(1).jwk("next")]));
    std::fs::write(&file, &with_issuer).unwrap();
    running.wait_for_line("configuration reloaded").await;
    assert_eq!(server.count("/keys"), 3);
    for token in [known, unknown] {
        assert_eq!(
            envoy.check(ClientRequest::bearer(&token)).await.reason(),
            "allowed"
        );
    }
    let (_, text) = get(running.admin, "localhost", "/metrics").await;
    assert!(text.contains(&server.url("")), "{text}");
}

#[tokio::test]
async fn a_check_that_waits_while_its_issuer_is_removed_gets_the_key() {
    let server = KeyServer::with_keys(old_keys()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration(&issuer_at(&server, ""))).unwrap();
    let (mut running, envoy) = serve(&file).await;
    let gate = Arc::new(Semaphore::new(0));
    let next = set([rsa(0).jwk("k"), rsa(1).jwk("next")]);
    server.serve("/keys", Reply::When(gate.clone(), Answer::of(200, next)));
    let unknown = Token::of(&server.url("")).kid("next").signed(rsa(1));
    let replace = async {
        server.wait_for_requests("/keys", 2).await;
        std::fs::write(&file, configuration("")).unwrap();
        running.wait_for_line("configuration reloaded").await;
        gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(envoy.check(ClientRequest::bearer(&unknown)), replace);
    assert_eq!(answer.reason(), "allowed");
    assert_eq!(
        envoy.check(ClientRequest::bearer(&unknown)).await.reason(),
        "unknown_issuer"
    );
}

#[tokio::test]
async fn a_service_is_ready_by_the_issuers_of_the_configuration_in_force() {
    let dead = KeyServer::with_keys(Answer::of(500, "no")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let head = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nstartup_wait: 1h\n";
    std::fs::write(&file, format!("{head}{}", issuer_at(&dead, ""))).unwrap();
    let path = file.display().to_string();
    let mut running = Running::start(&mut accredit(&["serve", "--config", &path])).await;
    running.wait_for_line("key refresh failed").await;
    std::fs::write(&file, configuration("")).unwrap();
    running.wait_for_line("\"ready\"").await;
}
