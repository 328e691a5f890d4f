//! What a browser would send, without one.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;

use crate::support::eventually::within;

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

/// A stream of server-sent events, as it comes.
pub(super) struct Events(Lines<BufReader<TcpStream>>);

impl Page {
    /// The value of a header, which is there once.
    pub(super) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let (_, value) = values
            .next()
            .unwrap_or_else(|| panic!("no {name}: {}", self.head));
        assert!(values.next().is_none(), "two of {name}");
        value
    }
}

/// The header that a browser without Fetch Metadata adds to requests of the console's own page.
pub(super) fn own_page(address: SocketAddr) -> String {
    format!("referer: http://{address}/\r\n")
}

/// Gets a path with these lines in the head.
pub(super) async fn get(address: SocketAddr, path: &str, lines: &str) -> Page {
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{lines}connection: close\r\n\r\n");
    send_request(address, head).await
}

/// Posts a form of these fields, with these lines in the head.
pub(super) async fn post(
    address: SocketAddr,
    path: &str,
    fields: &[(&str, &str)],
    lines: &str,
) -> Page {
    let mut form = reqwest::Url::parse("http://form.test").expect("is one");
    form.query_pairs_mut().extend_pairs(fields);
    let body = form.query().unwrap_or_default().to_owned();
    let length = body.len();
    let kind = "application/x-www-form-urlencoded";
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         {lines}connection: close\r\n\r\n{body}"
    );
    send_request(address, head).await
}

pub(super) async fn send_request(address: SocketAddr, text: String) -> Page {
    let mut stream = TcpStream::connect(address).await.expect("listens");
    let mut answer = Vec::new();
    // A body that is too large is not read to its end.
    let _ = stream.write_all(text.as_bytes()).await;
    within("the answer ends", stream.read_to_end(&mut answer))
        .await
        .expect("answers");
    let answer = String::from_utf8(answer).expect("is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("has a head");
    let status = head.split(' ').nth(1).expect("has a status");
    Page {
        status: status.parse().expect("is a number"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

impl Events {
    /// Follows decisions with that query, from now on.
    pub(super) async fn follow(address: SocketAddr, query: &str) -> Events {
        let mut stream = TcpStream::connect(address).await.expect("listens");
        let own = own_page(address);
        let head = format!("GET /console/tail?{query} HTTP/1.1\r\nhost: {address}\r\n{own}\r\n");
        stream.write_all(head.as_bytes()).await.expect("is read");
        let mut events = Events(BufReader::new(stream).lines());
        let status = events.line().await.expect("answers");
        assert!(status.contains(" 200 "), "{status}");
        while !events.line().await.expect("goes on").is_empty() {}
        events
    }

    /// The next decision, or what else there is to tell; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<serde_json::Value> {
        loop {
            let line = self.line().await?;
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).expect("is JSON"));
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        within("a line comes", self.0.next_line())
            .await
            .expect("is text")
    }
}
