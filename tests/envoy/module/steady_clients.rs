//! Clients that send good and bad tokens all the time, each request over a connection of its own, so that the newest
//! configuration decides.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::support::config::{ACME, KID};
use accredit_test_support::client::{Answer, RawRequest};
use accredit_test_support::keys::rsa;
use accredit_test_support::token::{Token, with_bad_signature};

/// The number of clients of each kind.
const CLIENTS: usize = 2;

/// The time between the requests of a client.
const PACE: Duration = Duration::from_millis(10);

/// The clients. They send until this is dropped.
pub(super) struct SteadyClients {
    answers: mpsc::UnboundedReceiver<(Credential, Answer)>,
    clients: JoinSet<()>,
    admitted: usize,
}

/// What a request carries, and how it must be answered.
#[derive(Clone, Debug)]
struct Credential {
    status: u16,
    token: Option<String>,
}

impl SteadyClients {
    /// Half of them send a good token. The others send no token, or one with a wrong signature, issuer or time.
    pub(super) fn start(envoy: SocketAddr) -> SteadyClients {
        let token = || Token::of_client(ACME, KID);
        let good = token().signed(rsa(0));
        let foreign = token().claim("iss", "https://other.example");
        let of_status = |status, token| Credential { status, token };
        let bad = [
            token().signed(rsa(1)),
            with_bad_signature(&good),
            foreign.signed(rsa(0)),
            token().time("exp", -3600).signed(rsa(0)),
        ];
        let mut bad: Vec<_> = bad.map(|token| of_status(401, Some(token))).into();
        bad.push(of_status(401, None));
        let (sender, answers) = mpsc::unbounded_channel();
        let mut clients = JoinSet::new();
        let good = vec![of_status(200, Some(good))];
        for credentials in std::iter::repeat_n([good, bad], CLIENTS).flatten() {
            clients.spawn(send(envoy, credentials, sender.clone()));
        }
        SteadyClients {
            answers,
            clients,
            admitted: 0,
        }
    }

    /// Checks the answers that arrive until `other` has ended.
    pub(super) async fn are_answered_while<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                done = &mut other => return done,
                answer = self.answers.recv() => self.judge(answer),
                ended = self.clients.join_next() => panic!("a client ended: {ended:?}"),
            }
        }
    }

    /// Checks this number of further answers.
    pub(super) async fn get_answers(&mut self, count: usize) {
        for _ in 0..count {
            let answer = self.answers.recv().await;
            self.judge(answer);
        }
    }

    /// Ends the clients. Returns how many requests were admitted; the answers to the last ones are lost.
    pub(super) async fn stop(mut self) -> std::ops::RangeInclusive<usize> {
        self.clients.shutdown().await;
        self.answers.close();
        while let Some(answer) = self.answers.recv().await {
            self.judge(Some(answer));
        }
        self.admitted..=self.admitted + CLIENTS
    }

    fn judge(&mut self, answer: Option<(Credential, Answer)>) {
        let (credential, answer) = answer.expect("clients send");
        let text = answer.text();
        assert_eq!(answer.status, credential.status, "{credential:?} {text}");
        self.admitted += usize::from(answer.status == 200);
    }
}

/// Sends requests with these credentials in turn.
async fn send(
    envoy: SocketAddr,
    credentials: Vec<Credential>,
    answers: mpsc::UnboundedSender<(Credential, Answer)>,
) {
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for credential in credentials.iter().cycle() {
        pace.tick().await;
        let mut request = RawRequest::get("/");
        if let Some(token) = &credential.token {
            request = request.bearer(token);
        }
        let answer = request.send(envoy).await;
        if answers.send((credential.clone(), answer)).is_err() {
            return;
        }
    }
}
