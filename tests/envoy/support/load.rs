//! A steady load of requests through Envoy, each with a token that it must admit.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::config::{ACME, KID};
use accredit_test_support::client::Answer;
use accredit_test_support::http2_client::{Http2, request, whole};
use accredit_test_support::keys::rsa;
use accredit_test_support::token::Token;

/// The number of clients. With four, some requests are in flight at any time.
const LOADERS: usize = 4;

/// The time between the requests of a client. A steady rate lets the number of requests bound the time of a test.
const PACE: Duration = Duration::from_millis(5);

/// How many requests carry the same token. A signature costs more than a request.
const USES: usize = 4;

/// Clients that send requests until this is dropped.
pub(crate) struct Load {
    /// Each with the number of its client.
    answers: mpsc::UnboundedReceiver<(usize, Answer)>,
    _loaders: JoinSet<()>,
}

impl Load {
    /// Starts them, for the one issuer of most tests.
    pub(crate) async fn start(envoy: SocketAddr) -> Self {
        let (sender, answers) = mpsc::unbounded_channel();
        let mut loaders = JoinSet::new();
        for loader in 0..LOADERS {
            let client = Http2::connect(envoy).await;
            let sender = sender.clone();
            loaders.spawn(async move {
                let mut token = String::new();
                let mut pace = tokio::time::interval(PACE);
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                for number in 0.. {
                    pace.tick().await;
                    if number % USES == 0 {
                        let id = format!("{loader}-{number}");
                        token = Token::of_client(ACME, KID).claim("jti", id).signed(rsa(0));
                    }
                    let head = request("GET", "/", Some(&token));
                    let (answer, _) = client.send(head.body(whole("")).unwrap()).await;
                    if sender.send((loader, answer)).is_err() {
                        return;
                    }
                }
            });
        }
        Self {
            answers,
            _loaders: loaders,
        }
    }

    /// Waits for this number of further answers. Each must be an allowed request.
    pub(crate) async fn admits(&mut self, count: usize) {
        for _ in 0..count {
            admitted(&self.answers.recv().await.unwrap().1);
        }
    }

    /// How many requests fail before the failures end: before each client has had this many answers of 200 in a row, a client that
    /// waits for an answer included. Stops counting above `enough`.
    pub(crate) async fn failures_until_they_end(
        &mut self,
        in_a_row: usize,
        enough: usize,
    ) -> usize {
        // Those of before do not count.
        while self.answers.try_recv().is_ok() {}
        let mut failed = 0;
        let mut rows = [0; LOADERS];
        while failed <= enough && rows.iter().any(|row| *row < in_a_row) {
            let (loader, answer) = self.answers.recv().await.unwrap();
            if answer.status == 200 {
                rows[loader] += 1;
            } else {
                rows[loader] = 0;
                failed += 1;
            }
        }
        failed
    }

    /// Checks the answers that arrive until `other` has ended. Each must be an allowed request.
    pub(crate) async fn admits_while<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                done = &mut other => return done,
                answer = self.answers.recv() => admitted(&answer.unwrap().1),
            }
        }
    }
}

fn admitted(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?} {}", answer.text());
}
