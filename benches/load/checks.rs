//! Checks over one HTTP/2 connection, written as octets. The load generator must take less time for a check than the services
//! under test: a service that waits for the load is woken for each check, and waiting and waking cost it more than the check.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::client::OPEN;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const INITIAL_WINDOW: i64 = 65_535;

/// The windows that the client gives: no answer ever waits for them.
const WINDOW: u32 = 1 << 28;

/// The largest payload of a frame that a peer accepts unless it says otherwise.
const MAX_PAYLOAD: usize = 16_384;

/// The headers of Envoy's calls, after the pseudo-headers.
const CALL_HEADERS: [(&str, &str); 6] = [
    ("te", "trailers"),
    ("content-type", "application/grpc"),
    ("grpc-timeout", "200m"),
    ("x-envoy-internal", "true"),
    ("x-forwarded-for", "10.0.0.9"),
    ("x-envoy-expected-rq-timeout-ms", "200"),
];

pub(crate) struct CheckConnection {
    stream: TcpStream,
    received: Vec<u8>,
    next_stream: u32,
    /// How many octets of messages the service accepts.
    window: AtomicI64,
}

/// What one read brought.
#[derive(Clone, Copy, Default)]
struct Arrived {
    ended: usize,
    messages: usize,
}

impl CheckConnection {
    pub(crate) fn connect(address: SocketAddr) -> CheckConnection {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut opening = PREFACE.to_vec();
        // SETTINGS_INITIAL_WINDOW_SIZE
        let setting = [&4u16.to_be_bytes()[..], &WINDOW.to_be_bytes()].concat();
        frame(&mut opening, SETTINGS, 0, 0, &setting);
        frame(&mut opening, WINDOW_UPDATE, 0, 0, &WINDOW.to_be_bytes());
        stream.write_all(&opening).unwrap();
        CheckConnection {
            stream,
            received: Vec::new(),
            next_stream: 1,
            window: AtomicI64::new(INITIAL_WINDOW),
        }
    }

    /// Sends that many checks, [`OPEN`] at a time, with these messages in turn, and waits until each call has ended.
    pub(crate) fn closed_loop(&mut self, messages: &[Bytes], checks: usize) {
        let mut messages = messages.iter().cycle().take(checks).peekable();
        let (mut open, mut answered) = (0, 0);
        let mut calls = Vec::new();
        while answered < checks || open > 0 {
            while open < OPEN && messages.peek().is_some_and(|next| self.accepts(next)) {
                let message = messages.next().unwrap();
                write_call(&mut calls, &mut self.next_stream, message);
                open += 1;
            }
            self.stream.write_all(&calls).unwrap();
            calls.clear();
            let arrived = self.read();
            open -= arrived.ended;
            answered += arrived.messages;
        }
    }

    /// Sends that many checks at a constant rate, whether answers have come or not.
    pub(crate) fn open_loop(&mut self, messages: &[Bytes], checks: usize, interval: Duration) {
        let mut next_stream = self.next_stream;
        let mut sender = self.stream.try_clone().unwrap();
        let began = Instant::now();
        std::thread::scope(|scope| {
            let (window, mut calls) = (&self.window, Vec::new());
            let mut own = CheckConnection {
                stream: self.stream.try_clone().unwrap(),
                received: std::mem::take(&mut self.received),
                next_stream,
                window: AtomicI64::new(0),
            };
            scope.spawn(move || {
                let mut answered = 0;
                while answered < checks {
                    answered += own.read().messages;
                    window.fetch_add(own.window.swap(0, Ordering::AcqRel), Ordering::AcqRel);
                }
            });
            for (number, message) in messages.iter().cycle().take(checks).enumerate() {
                let due = interval * u32::try_from(number).unwrap();
                std::thread::sleep(due.saturating_sub(began.elapsed()));
                while !accepts(window, message) {
                    std::thread::yield_now();
                }
                write_call(&mut calls, &mut next_stream, message);
                sender.write_all(&calls).unwrap();
                calls.clear();
            }
        });
    }

    fn accepts(&self, message: &Bytes) -> bool {
        accepts(&self.window, message)
    }

    /// Reads what has arrived, and waits if nothing has.
    fn read(&mut self) -> Arrived {
        let mut chunk = [0; 65_536];
        let length = self.stream.read(&mut chunk).unwrap();
        assert!(length > 0, "the service closed the connection");
        self.received.extend_from_slice(&chunk[..length]);
        let (mut arrived, mut read) = (Arrived::default(), 0);
        while let Some(head) = self.received.get(read..read + 9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let (kind, flags) = (head[3], head[4]);
            let of_connection = head[5..9] == [0; 4];
            let Some(payload) = self.received.get(read + 9..read + 9 + length) else {
                break;
            };
            match kind {
                DATA => arrived.messages += 1,
                HEADERS if flags & END_STREAM != 0 => arrived.ended += 1,
                HEADERS => {}
                WINDOW_UPDATE if of_connection => {
                    let credit = u32::from_be_bytes(payload.try_into().unwrap());
                    self.window.fetch_add(i64::from(credit), Ordering::AcqRel);
                }
                SETTINGS | PING if flags & ACK == 0 => {
                    let mut answer = Vec::new();
                    let payload = if kind == PING { payload } else { &[] };
                    frame(&mut answer, kind, ACK, 0, payload);
                    self.stream.write_all(&answer).unwrap();
                }
                SETTINGS | PING | WINDOW_UPDATE => {}
                other => panic!("a frame of the type {other}"),
            }
            read += 9 + length;
        }
        self.received.drain(..read);
        arrived
    }
}

/// Takes the octets of a message from the window of the connection, if they fit.
fn accepts(window: &AtomicI64, message: &Bytes) -> bool {
    let length = i64::try_from(message.len()).unwrap();
    let taken = window.fetch_update(Ordering::AcqRel, Ordering::Acquire, |window| {
        (window >= length).then(|| window - length)
    });
    taken.is_ok()
}

/// A call with this message. The first call of a connection adds its headers to the table of HPACK, and the others refer to
/// them (RFC 7541, section 6), as Envoy does.
fn write_call(calls: &mut Vec<u8>, next_stream: &mut u32, message: &[u8]) {
    // POST and http are entries of the static table.
    let mut block = vec![0x83, 0x86];
    let path = "/envoy.service.auth.v3.Authorization/Check";
    let indexed = CALL_HEADERS.len() + 2;
    if *next_stream == 1 {
        // `:path` and `:authority` are names of the static table.
        block.push(0x44);
        write_text(&mut block, path);
        block.push(0x41);
        write_text(&mut block, "accredit");
        for (name, value) in CALL_HEADERS {
            block.push(0x40);
            write_text(&mut block, name);
            write_text(&mut block, value);
        }
    } else {
        // The entry that was added last is the first of the dynamic table, 62.
        block.extend((0..indexed).rev().map(|age| 0x80 | (62 + age as u8)));
    }
    let stream = *next_stream;
    *next_stream += 2;
    frame(calls, HEADERS, END_HEADERS, stream, &block);
    let mut payloads = message.chunks(MAX_PAYLOAD).peekable();
    while let Some(payload) = payloads.next() {
        let flags = if payloads.peek().is_none() {
            END_STREAM
        } else {
            0
        };
        frame(calls, DATA, flags, stream, payload);
    }
}

fn write_text(block: &mut Vec<u8>, text: &str) {
    block.push(u8::try_from(text.len()).unwrap());
    block.extend_from_slice(text.as_bytes());
}

fn frame(to: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    to.extend_from_slice(&length[1..]);
    to.extend_from_slice(&[kind, flags]);
    to.extend_from_slice(&stream.to_be_bytes());
    to.extend_from_slice(payload);
}
