//! Memory of answers that are not read, and of messages whose checks have not ended (CONTRACT 7.3.4).

use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Semaphore, oneshot};

use accredit_core::config::listen_addr::ListenAddr;

use crate::support::answer::Answer;
use crate::support::check_request::{ClientRequest, HeaderForm};
use crate::support::eventually::{eventually, within};
use crate::support::http2::{DATA, END_STREAM, FrameConnection, NO_WINDOW, call, frame};
use crate::support::http2_client::whole;
use crate::support::issuer::{Answer as Reply, KeyServer, Reply as Served};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::raw_call::{CHECK, RawConnection, call_of, framed_check};
use crate::support::service::issuer_at;
use crate::support::token::Token;

use super::common::{good, process_with};

/// Sends checks and grants no window for their answers.
async fn leave_unread(running: &Running, checks: u32) -> FrameConnection {
    let mut connection = FrameConnection::open_with(running.checks, &NO_WINDOW).await;
    let message = framed_check(ClientRequest::plain());
    for number in 0..checks {
        let stream = 2 * number + 1;
        let body = frame(DATA, END_STREAM, stream, &message);
        let check = [call(stream, "accredit", CHECK), body].concat();
        if connection.0.write_all(&check).await.is_err() {
            break;
        }
    }
    connection
}

#[tokio::test]
async fn answers_that_are_not_read_take_bounded_memory_however_short_they_are() {
    let folder = tempfile::tempdir().unwrap();
    // The checks are many at the same time. This test is about their answers.
    let running = process_with(&folder, "max_concurrent_checks: 100000\n").await;
    assert!(running.check(good()).await.is_admission());
    let before = running.most_memory();
    let mut unread = Vec::new();
    for _ in 0..8 {
        let some = join_all((0..8).map(|_| leave_unread(&running, 1000)));
        unread.extend(within("the checks are sent", some).await);
        // Other connections are served. While these thousands are decided, a check may be late.
        eventually("a check is admitted", async || {
            running.check(good()).await.is_admission().then_some(())
        })
        .await;
    }
    let grown = running.most_memory().saturating_sub(before) / 1024 / 1024;
    println!("grown by {grown} MiB");
    assert!(grown < 128, "grown by {grown} MiB");
    for mut connection in unread {
        // The connection is closed, and does not wait for the peer.
        within("it is closed", async {
            while connection.next().await.is_some() {}
        })
        .await;
    }
}

/// The reason if a busy machine delivers a message later than the service waits for it.
const LATE: &str = "internal_error";

/// A check of some 4 MiB on a connection of its own, and its answer once it comes. Returns when the message is sent, or no
/// longer wanted.
async fn send_large(
    running: &Running,
    request: &ClientRequest,
) -> impl Future<Output = Answer> + use<> {
    let mut connection = RawConnection::open(&ListenAddr::Tcp(running.checks)).await;
    let large = request.clone().header("x-padding", vec![b'x'; 4_000_000]);
    let message = framed_check(large.message_in(HeaderForm::HeaderMap));
    let (sent, has_sent) = oneshot::channel();
    let mut sent = Some(sent);
    let parts: Vec<_> = message
        .chunks(16 * 1024)
        .map(|part| message.slice_ref(part))
        .collect();
    let parts = stream::iter(parts).map(|part| Ok(Frame::data(part)));
    let end = stream::poll_fn(move |_| {
        drop(sent.take());
        std::task::Poll::Ready(None)
    });
    let answer = connection.send(call_of(StreamBody::new(parts.chain(end)).boxed_unsync()));
    let _ = within("the message is sent", has_sent).await as Result<(), _>;
    async move {
        let answer = answer.await;
        drop(connection);
        answer
    }
}

#[tokio::test]
async fn large_messages_of_checks_that_wait_have_a_common_budget() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let gate = Arc::new(Semaphore::new(0));
    let keys = Reply::of(200, set([rsa(0).jwk("k")]));
    server.serve("/keys", Served::When(gate.clone(), keys));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\ncheck_timeout: 60s\n";
    // The fetch lasts until the messages are sent, which takes a busy machine more than the default.
    let issuer = issuer_at(&server, "").replace("/keys' }", "/keys', timeout: 1m }");
    assert!(issuer.contains("timeout"));
    std::fs::write(&file, format!("{ports}{issuer}")).unwrap();
    let path = file.to_str().unwrap();
    let mut running = Running::start(&mut accredit(&["serve", "--config", path])).await;
    running.hear();
    let before = running.most_memory();
    let request = ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)));

    let mut answers = Vec::new();
    for _ in 0..22 {
        answers.push(send_large(&running, &request).await);
    }
    // A message of usual length is accepted while long ones use up the budget.
    let mut connection = RawConnection::open(&ListenAddr::Tcp(running.checks)).await;
    let usual = connection.send(call_of(whole(framed_check(request.clone()))));
    gate.add_permits(1);
    let reasons: Vec<_> = within("all are answered", join_all(answers)).await;
    let usual = within("it is answered", usual).await.reason();
    assert!(["allowed", LATE].contains(&&*usual), "{usual}");
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for answer in &reasons {
        let reason = answer.reason();
        if reason == "overloaded" {
            assert_eq!((answer.code, answer.http), (14, 503));
        }
        *counts.entry(reason).or_default() += 1;
    }
    println!("{counts:?}");
    assert!(counts.contains_key("allowed") && counts.contains_key("overloaded"));
    counts.remove(LATE);
    assert_eq!(counts.len(), 2, "{counts:?}");
    let grown = running.most_memory().saturating_sub(before) / 1024 / 1024;
    println!("grown by {grown} MiB");
    assert!(grown < 110, "grown by {grown} MiB");
    eventually("the budget is free again", async || {
        let answer = send_large(&running, &request).await.await;
        answer.is_admission().then_some(())
    })
    .await;
}
