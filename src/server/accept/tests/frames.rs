//! Frames that a client library would not send.

use std::collections::HashSet;

use super::*;

/// A client can make Envoy open and reset checks quickly, on the connection that the checks of all clients share.
#[tokio::test]
async fn requests_that_are_reset_at_once_do_not_affect_others() {
    let served = Served::tcp();
    let mut stream = served.open_http2().await;
    stream.write_all(&head(1, "/held")).await.unwrap();
    served.is_held().await;
    let taken_back: Vec<u8> = (1..1000)
        .flat_map(|n| [head(2 * n + 1, "/"), frame(3, 0, 2 * n + 1, &[0, 0, 0, 8])].concat())
        .collect();
    stream.write_all(&taken_back).await.unwrap();
    served.let_go.add_permits(1);
    while read_frame(&mut stream).await != (1, 1) {}
}

/// An overloaded service answers before requests have arrived completely. The rest of those requests must not close the
/// connection.
#[tokio::test]
async fn frames_that_arrive_after_their_answer_do_not_affect_others() {
    let served = Served::tcp();
    let mut stream = served.open_http2().await;
    let streams: Vec<u32> = (0..1500).map(|n| 2 * n + 1).collect();
    // The server waits some milliseconds for the body of each request before it answers.
    for on_streams in streams.chunks(50) {
        for &on_stream in on_streams {
            let mut begun = head(on_stream, "/");
            begun[4] = 0x4; // END_HEADERS alone
            stream.write_all(&begun).await.unwrap();
        }
        let mut unanswered: HashSet<u32> = on_streams.iter().copied().collect();
        while !unanswered.is_empty() {
            let (kind, on_stream) = read_frame(&mut stream).await;
            if kind == 0 {
                unanswered.remove(&on_stream);
            }
        }
    }
    let late: Vec<u8> = streams
        .iter()
        .flat_map(|&s| frame(0, 1, s, b"late"))
        .collect();
    stream.write_all(&late).await.unwrap();
    stream.write_all(&frame(6, 0, 0, &[0; 8])).await.unwrap();
    while read_frame(&mut stream).await.0 != 6 {}
}

/// The kind of the next frame, which must not be GOAWAY, and its stream.
async fn read_frame(stream: &mut TcpStream) -> (u8, u32) {
    let mut header = [0; 9];
    stream
        .read_exact(&mut header)
        .await
        .expect("the connection stays open");
    let length =
        usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.unwrap();
    assert_ne!(
        header[3],
        7,
        "GOAWAY: {}",
        String::from_utf8_lossy(&payload)
    );
    (
        header[3],
        u32::from_be_bytes(header[5..].try_into().unwrap()),
    )
}

#[tokio::test]
async fn a_call_with_large_headers_reaches_the_service() {
    let served = Served::tcp();
    let client = served.connect().await;
    let request = Request::get("http://a.example/")
        .header("tracestate", "a".repeat(60 * 1024))
        .body(Empty::new())
        .unwrap();
    let response = client.sender.clone().send_request(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
}
