//! How answers are sent, and what ends them.

use super::*;

/// The types of frames (RFC 9113 section 6).
const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;

/// The error code CANCEL.
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// A connection whose client grants that much window to each answer.
async fn with_window(served: &Served, window: u32) -> TcpStream {
    let mut stream = served.connect_plain().await;
    // SETTINGS_INITIAL_WINDOW_SIZE
    let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let opening = [preface, frame(SETTINGS, 0, 0, &setting)].concat();
    stream.write_all(&opening).await.unwrap();
    stream
}

/// Reads until stream 1 has ended, and returns the octets of its DATA frames.
async fn content(stream: &mut TcpStream) -> usize {
    let mut octets = 0;
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.unwrap();
        let [a, b, c, kind, flags, ..] = header;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap();
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        if kind == DATA {
            octets += length;
            if flags & 1 == 1 {
                return octets;
            }
        }
    }
}

#[tokio::test]
async fn a_body_produces_no_more_parts_than_the_peer_reads() {
    let served = Served::tcp();
    let mut stream = with_window(&served, 10).await;
    stream.write_all(&head(1, "/parts")).await.unwrap();
    // One part is with the library, and one waits for window.
    served.parts.acquire_many(2).await.unwrap().forget();
    let client = served.connect().await;
    assert_eq!(client.status("/").await, 200);
    assert_eq!(served.parts.available_permits(), 0);

    let more = frame(WINDOW_UPDATE, 0, 1, &100_000_u32.to_be_bytes());
    stream.write_all(&more).await.unwrap();
    assert_eq!(content(&mut stream).await, 8 * PART);
    assert_eq!(served.parts.available_permits(), 6);
}

#[tokio::test]
async fn a_reset_ends_the_work_on_an_answer() {
    let served = Served::tcp();
    let mut stream = served.open_http2().await;
    stream.write_all(&head(1, "/held")).await.unwrap();
    served.is_held().await;
    stream
        .write_all(&frame(RST_STREAM, 0, 1, &CANCEL))
        .await
        .unwrap();
    served.ended.acquire().await.unwrap().forget();
}

#[tokio::test]
async fn a_reset_ends_an_answer_that_waits_for_window() {
    let served = Served::tcp();
    let mut stream = with_window(&served, 0).await;
    stream.write_all(&head(1, "/parts")).await.unwrap();
    served.parts.acquire_many(2).await.unwrap().forget();
    stream
        .write_all(&frame(RST_STREAM, 0, 1, &CANCEL))
        .await
        .unwrap();
    served.ended.acquire().await.unwrap().forget();
}

#[tokio::test]
async fn all_requests_that_arrive_together_are_answered() {
    let served = Served::tcp();
    let mut stream = served.open_http2().await;
    let requests: Vec<u8> = (0..500).flat_map(|n| head(2 * n + 1, "/")).collect();
    stream.write_all(&requests).await.unwrap();
    let mut ended = 0;
    while ended < 500 {
        content(&mut stream).await;
        ended += 1;
    }
}
