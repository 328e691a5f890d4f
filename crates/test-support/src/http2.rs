//! Single HTTP/2 frames, for peers that break the protocol or its customs.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The highest stream ID of a client.
pub const LAST_STREAM: u32 = 0x7fff_ffff;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const PUSH_PROMISE: u8 = 5;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// SETTINGS_INITIAL_WINDOW_SIZE 0 (RFC 9113 section 6.5.2).
pub const NO_WINDOW: [u8; 6] = [0, 4, 0, 0, 0, 0];

/// A connection that sends frames.
pub struct FrameConnection(pub TcpStream);

/// A frame that was received.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A frame (RFC 9113 section 4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The HEADERS of a gRPC call. Texts are shorter than 127 octets.
pub fn call(stream: u32, authority: &str, path: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    let mut literal = |name: &[u8], value: &str| {
        block.extend(name);
        block.push(u8::try_from(value.len()).unwrap());
        block.extend(value.bytes());
    };
    literal(&[0x01], authority);
    literal(&[0x04], path);
    literal(&[0x0f, 0x10], "application/grpc");
    literal(b"\0\x02te", "trailers");
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// The HEADERS of a GET without a body.
pub fn get(stream: u32, path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x01, 9];
    block.extend(b"localhost");
    block.extend([0x04, u8::try_from(path.len()).unwrap()]);
    block.extend(path.bytes());
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
}

impl FrameConnection {
    /// Connects, and sends the preface and SETTINGS.
    pub async fn open(address: SocketAddr) -> FrameConnection {
        FrameConnection::open_with(address, &[]).await
    }

    /// Connects, and sends the preface and these SETTINGS.
    pub async fn open_with(address: SocketAddr, settings: &[u8]) -> FrameConnection {
        let mut stream = TcpStream::connect(address).await.expect("listens");
        let settings = frame(SETTINGS, 0, 0, settings);
        let opening = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..]].concat();
        stream.write_all(&opening).await.expect("is read");
        FrameConnection(stream)
    }

    pub async fn send(&mut self, frames: &[u8]) {
        self.0.write_all(frames).await.expect("is read");
    }

    /// The next frame; `None` at the end of the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut header = [0; 9];
        self.0.read_exact(&mut header).await.ok()?;
        let [a, b, c, kind, _, stream @ ..] = header;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame {
            kind,
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }

    /// The next frame of that kind; `None` if the connection ends before.
    pub async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }
}
