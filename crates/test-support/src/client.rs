//! An HTTP/1.1 client that sends exactly the given bytes, including invalid ones, in any order.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::eventually::within;

/// A request as it will be written.
#[derive(Clone, Debug)]
pub struct RawRequest {
    head: Vec<u8>,
    host: Option<Vec<u8>>,
    body: Vec<u8>,
}

impl RawRequest {
    /// A request line; `host: api.acme.example` and `connection: close` are added to it.
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        let mut head = method.as_bytes().to_vec();
        head.extend([b" ", target.as_ref(), b" HTTP/1.1\r\n"].concat());
        Self {
            head,
            host: Some(b"api.acme.example".to_vec()),
            body: Vec::new(),
        }
    }

    /// `GET` of this target.
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// Adds a header with these bytes, even if there is one with this name.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.head
            .extend([name.as_ref(), b": ", value.as_ref(), b"\r\n"].concat());
        self
    }

    /// Adds `authorization: Bearer ` with this token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets the host; `None` leaves the header out.
    pub fn host(mut self, host: Option<&[u8]>) -> Self {
        self.host = host.map(<[u8]>::to_vec);
        self
    }

    /// Sets the body, and adds its `content-length`.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        let length = self.body.len().to_string();
        self.header("content-length", length)
    }

    /// Sends it and reads the answer.
    pub async fn send(self, address: SocketAddr) -> Answer {
        let mut bytes = match &self.host {
            Some(host) => self.clone().header("host", host).head,
            None => self.head.clone(),
        };
        bytes.extend(b"connection: close\r\n\r\n");
        bytes.extend(&self.body);
        exchange(address, &bytes).await
    }
}

/// Sends these bytes, and reads one answer.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // Not always to the end of the connection: Envoy keeps one that sent a malformed request open for another second. A server that
    // answers before it has read everything can reset the connection.
    let reading = async {
        while !is_whole(&answer)
            && stream
                .read_buf(&mut answer)
                .await
                .is_ok_and(|read| read > 0)
        {}
    };
    within("the answer ends", reading).await;
    Answer::parse(&answer)
}

/// Whether an answer states its length, or is chunked, and is complete. Other answers end with the connection.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(own, value)| (own == name).then(|| value.trim().to_owned()))
    };
    match value("content-length") {
        Some(length) => body.len() >= length.parse().unwrap(),
        None => {
            value("transfer-encoding").as_deref() == Some("chunked")
                && (body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n"))
        }
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Each header, its name in lower case, repeats apart.
    pub headers: Vec<(String, String)>,
    /// The body, out of its chunks.
    pub body: Vec<u8>,
}

impl Answer {
    /// The one value of a header; none if it was not sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(header, _)| header == name);
        let value = named.next().map(|(_, value)| value.as_str());
        assert!(
            named.next().is_none(),
            "the answer has `{name}` more than once: {self:?}"
        );
        value
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end =
            end.unwrap_or_else(|| panic!("no answer but {:?}", bytes.escape_ascii().to_string()));
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .unwrap()
            .parse()
            .unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let chunked = headers
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let rest = &bytes[end + 4..];
        let body = if chunked {
            join_chunks(rest)
        } else {
            rest.to_vec()
        };
        Self {
            status,
            headers,
            body,
        }
    }
}

fn join_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size.split(';').next().unwrap().trim(), 16).unwrap();
        if size == 0 {
            return body;
        }
        let start = line + 2;
        body.extend(&rest[start..start + size]);
        rest = &rest[start + size + 2..];
    }
}
