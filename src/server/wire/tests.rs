//! What is read, when reading stops, and what the first octets are.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;
use crate::server::activity::PortUsage;
use crate::server::connection_errors::ConnectionErrors;
use crate::server::opening::PREFACE;
use crate::server::stream::Plain;

fn pair(versions: HttpVersions) -> (Wire, watch::Receiver<bool>, UnixStream) {
    let (own, peer) = UnixStream::pair().unwrap();
    let report = WireReport {
        errors: Arc::new(ConnectionErrors::new("listen")),
        peer: None,
    };
    let limits = ConnectionLimits {
        write_timeout: Duration::from_millis(100),
        ..ConnectionLimits::default()
    };
    let stream = Stream::Plain(Plain::Unix(own));
    let port = Arc::new(PortUsage::new(&limits));
    let activity = Arc::new(Activity::new(port));
    let (wire, opened) = Wire::new(stream, versions, &limits, activity, report);
    (wire, opened, peer)
}

#[tokio::test]
async fn as_many_octets_as_the_preface_has_open_the_connection() {
    let (mut wire, opened, mut peer) = pair(HttpVersions::Http2Only);
    let mut buffer = [0; 64];

    peer.write_all(&PREFACE[..23]).await.unwrap();
    wire.read_exact(&mut buffer[..23]).await.unwrap();
    assert!(!*opened.borrow());

    peer.write_all(&PREFACE[23..]).await.unwrap();
    wire.read_exact(&mut buffer[..1]).await.unwrap();
    assert!(*opened.borrow());
    assert!(wire.report.errors.counts().all(|(_, _, count)| count == 0));
}

/// The protocols that were found on a port (CONTRACT 6.5.4).
#[tokio::test]
async fn other_protocols_are_recognised_by_their_first_octets() {
    use HttpVersions::{Http1AndHttp2, Http2Only};
    for (versions, first, kind) in [
        (Http2Only, &b"GET / HTTP/1.1\r\n"[..], Some("http1")),
        (Http2Only, b"POST /x HTTP/1.1\r\n", Some("http1")),
        (Http2Only, b"PRI * HTTP/1.1\r\n", Some("http1")),
        (Http2Only, b"\x16\x03\x01\x02\0\x01", Some("tls")),
        (Http2Only, b"\0\0\0", Some("unknown_protocol")),
        (Http2Only, b"PRI *", None),
        (Http1AndHttp2, b"GET / HTTP/1.1\r\n", None),
        (Http1AndHttp2, b"\x16\x03\x01\x02\0\x01", Some("tls")),
    ] {
        let (mut wire, _, mut peer) = pair(versions);
        let mut buffer = [0; 64];
        // One octet at a time and all at once are the same.
        for octet in first {
            peer.write_all(&[*octet]).await.unwrap();
            wire.read_exact(&mut buffer[..1]).await.unwrap();
        }
        let counted: Vec<_> = wire
            .report
            .errors
            .counts()
            .filter(|(_, _, count)| *count > 0)
            .map(|(_, kind, count)| (kind, count))
            .collect();
        assert_eq!(
            counted,
            Vec::from_iter(kind.map(|kind| (kind, 1))),
            "{first:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_read_while_the_peer_does_not_read() {
    let (mut wire, _, mut peer) = pair(HttpVersions::Http2Only);
    peer.write_all(PREFACE).await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let block = [0; 64 * 1024];
    while Pin::new(&mut wire).poll_write(&mut cx, &block).is_ready() {}

    let mut octets = [0; 24];
    let mut buffer = ReadBuf::new(&mut octets);
    assert!(
        Pin::new(&mut wire)
            .poll_read(&mut cx, &mut buffer)
            .is_pending()
    );
    assert!(buffer.filled().is_empty());

    // The peer reads nothing in time.
    let error = wire.write_all(&block).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let unread = ("listen", ConnectionErrorKind::UnreadAnswers.as_str(), 1);
    assert!(wire.report.errors.counts().any(|count| count == unread));
}

#[tokio::test]
async fn reading_goes_on_once_the_peer_has_read() {
    let (mut wire, _, mut peer) = pair(HttpVersions::Http2Only);
    peer.write_all(PREFACE).await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let block = [0; 64 * 1024];
    let mut written = 0;
    while let Poll::Ready(octets) = Pin::new(&mut wire).poll_write(&mut cx, &block) {
        written += octets.unwrap();
    }
    let mut octets = [0; 24];
    let mut unread = vec![0; written];
    {
        let reading = wire.read_exact(&mut octets);
        tokio::pin!(reading);
        assert!(reading.as_mut().poll(&mut cx).is_pending());
    }
    peer.read_exact(&mut unread).await.unwrap();
    wire.flush().await.unwrap();
    wire.read_exact(&mut octets).await.unwrap();
    assert_eq!(&octets, PREFACE);
}

#[tokio::test]
async fn vectored_writes_are_off() {
    let (wire, _, _peer) = pair(HttpVersions::Http2Only);
    let io = hyper_util::rt::TokioIo::new(wire);
    assert!(!hyper::rt::Write::is_write_vectored(&io));
}

#[tokio::test(start_paused = true)]
async fn a_header_block_that_does_not_end_has_a_time_limit() {
    let (mut wire, _, mut peer) = pair(HttpVersions::Http2Only);
    let headers = [0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82];
    peer.write_all(PREFACE).await.unwrap();
    peer.write_all(&headers).await.unwrap();
    let mut octets = [0; 64];
    wire.read_exact(&mut octets[..PREFACE.len()]).await.unwrap();
    let error = wire.read(&mut octets).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_turn_reads_no_more_than_the_read_ahead_and_one_buffer() {
    let (mut wire, _, mut peer) = pair(HttpVersions::Http2Only);
    let turn = wire.use_turns();
    let all = 5 * MAX_READ_AHEAD;
    peer.write_all(&vec![0; all]).await.unwrap();
    let mut read = 0;
    while read < all {
        let more = read_turn(&mut wire, &turn).await.len();
        assert!(more < 2 * MAX_READ_AHEAD, "{more}");
        read += more;
        // It stays so until the next turn begins.
        let mut cx = Context::from_waker(Waker::noop());
        assert!(read_to_the_end(&mut wire, &mut cx).is_empty());
    }
}

/// Reads in one turn until reading ends, as the library h2 does. Waits until there is something to read.
async fn read_turn(wire: &mut Wire, turn: &Turn) -> Vec<u8> {
    std::future::poll_fn(|cx| {
        turn.begin();
        let read = read_to_the_end(wire, cx);
        if read.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(read)
    })
    .await
}

fn read_to_the_end(wire: &mut Wire, cx: &mut Context<'_>) -> Vec<u8> {
    let mut read = Vec::new();
    let mut octets = [0; 8 * 1024];
    loop {
        let mut buffer = ReadBuf::new(&mut octets);
        match Pin::new(&mut *wire).poll_read(cx, &mut buffer) {
            Poll::Ready(result) => result.unwrap(),
            Poll::Pending => return read,
        }
        read.extend(buffer.filled());
    }
}

#[tokio::test]
async fn each_turn_may_read_the_whole_read_ahead() {
    const SENT: usize = MAX_READ_AHEAD / 2 + 1;
    let (mut wire, _, mut peer) = pair(HttpVersions::Http2Only);
    let turn = wire.use_turns();
    for _ in 0..3 {
        peer.write_all(&[0xff; SENT]).await.unwrap();
        assert_eq!(read_turn(&mut wire, &turn).await.len(), SENT);
    }
}

#[tokio::test]
async fn a_turn_that_reads_again_reads_what_the_runtime_has_not_noticed() {
    let (mut wire, _, peer) = pair(HttpVersions::Http2Only);
    let turn = wire.use_turns();
    peer.try_write(b"first").unwrap();
    assert_eq!(read_turn(&mut wire, &turn).await, b"first");

    // The runtime does not run before the next `await`.
    peer.try_write(b"again").unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(read_to_the_end(&mut wire, &mut cx).is_empty());
    assert!(turn.read_again());
    assert_eq!(read_to_the_end(&mut wire, &mut cx), b"again");
    assert!(turn.read_again());
    assert!(read_to_the_end(&mut wire, &mut cx).is_empty());

    let (later, ()) = tokio::join!(read_turn(&mut wire, &turn), async {
        peer.try_write(b"later").unwrap();
    });
    assert_eq!(later, b"later");
}

#[tokio::test]
async fn a_turn_that_has_read_enough_does_not_read_again() {
    let (mut wire, _, mut peer) = pair(HttpVersions::Http2Only);
    let turn = wire.use_turns();
    peer.write_all(&[0xff; 2 * MAX_READ_AHEAD]).await.unwrap();
    assert!(read_turn(&mut wire, &turn).await.len() >= MAX_READ_AHEAD);
    assert!(!turn.read_again());
}

/// The frames of nine octets that one turn reads, if the peer has sent more.
#[tokio::test]
async fn a_turn_reads_a_limited_number_of_frames() {
    const SETTINGS_ACK: [u8; 9] = [0, 0, 0, 4, 1, 0, 0, 0, 0];
    const BUFFER: usize = 8 * 1024;
    let (mut wire, _, mut peer) = pair(HttpVersions::Http2Only);
    let turn = wire.use_turns();
    peer.write_all(PREFACE).await.unwrap();
    peer.write_all(&SETTINGS_ACK.repeat(4000)).await.unwrap();
    let read = read_turn(&mut wire, &turn).await.len();
    let most = MAX_READ_AHEAD / FRAME_COST * SETTINGS_ACK.len() + BUFFER;
    assert!(read <= most, "{read}");
}

#[tokio::test]
async fn a_header_block_is_passed_on_when_it_has_ended() {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let headers = [&[0, 0x30, 0, 1, 0, 0, 0, 0, 1][..], &[0x82; 0x3000]].concat();
    let end = [0, 0, 1, 9, 4, 0, 0, 0, 1, 0x84];
    let (mut wire, _, mut peer) = pair(HttpVersions::Http2Only);
    let turn = wire.use_turns();
    let before = [&PREFACE[..], &SETTINGS].concat();
    peer.write_all(&[&before[..], &headers].concat())
        .await
        .unwrap();
    assert_eq!(read_turn(&mut wire, &turn).await, before);
    // All but the last octet.
    peer.write_all(&end[..9]).await.unwrap();
    tokio::task::yield_now().await;
    let mut cx = Context::from_waker(Waker::noop());
    turn.begin();
    assert!(read_to_the_end(&mut wire, &mut cx).is_empty());
    peer.write_all(&[&end[9..], &SETTINGS].concat())
        .await
        .unwrap();
    let expected = [&headers[..], &end, &SETTINGS].concat();
    assert_eq!(read_turn(&mut wire, &turn).await, expected);
}

/// A peer opens a connection with this frame and then sends another one.
async fn is_ended_by(versions: HttpVersions, first: &[u8], second: &[u8], kind: &str) {
    let (mut wire, _, mut peer) = pair(versions);
    peer.write_all(&[&PREFACE[..], first].concat())
        .await
        .unwrap();
    let mut octets = [0; 64];
    let before = PREFACE.len() + first.len();
    wire.read_exact(&mut octets[..before]).await.unwrap();
    peer.write_all(second).await.unwrap();
    let error = wire.read(&mut octets).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let (_, _, count) = (wire.report.errors.counts())
        .find(|(_, counted, _)| *counted == kind)
        .unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_request_with_trailers_ends_the_connection() {
    let headers = [0, 0, 1, 1, 4, 0, 0, 0, 1, 0x82];
    is_ended_by(
        HttpVersions::Http2Only,
        &headers,
        &headers,
        "request_trailers",
    )
    .await;
}

#[tokio::test]
async fn a_push_promise_ends_the_connection_before_its_payload() {
    let header = [0, 0x40, 0, 5, 0, 0, 0, 0, 1];
    for versions in [HttpVersions::Http2Only, HttpVersions::Http1AndHttp2] {
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        is_ended_by(versions, &settings, &header, "push_promise").await;
    }
}

#[tokio::test]
async fn small_writes_of_a_turn_wait_until_all_is_answered() {
    let (mut wire, _, mut peer) = pair(HttpVersions::Http2Only);
    let turn = wire.use_turns();
    let mut cx = Context::from_waker(Waker::noop());
    let mut write = |octets: &[u8]| Pin::new(&mut wire).poll_write(&mut cx, octets);
    turn.gather_writes();
    assert!(write(&[1; MIN_EARLY_WRITE - 1]).is_pending());
    assert!(write(&[2; MIN_EARLY_WRITE]).is_ready());
    assert!(turn.write_gathered());
    assert!(write(&[3; 1]).is_ready());
    assert!(!turn.write_gathered(), "nothing waits any more");
    let mut octets = [0; MIN_EARLY_WRITE + 1];
    peer.read_exact(&mut octets).await.unwrap();
    assert_eq!((octets[0], octets[MIN_EARLY_WRITE]), (2, 3));
}
