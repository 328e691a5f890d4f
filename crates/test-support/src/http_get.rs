//! An HTTP/1.1 client like kubelet's.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::eventually::within;

/// Sends a GET with this `Host`. Returns the status and the body.
pub async fn get(address: SocketAddr, host: &str, path: &str) -> (u16, String) {
    request(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
    )
    .await
}

/// Sends a request text. Returns the status and the body of the answer, which ends with the connection.
pub async fn request(address: SocketAddr, text: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("listens");
    stream.write_all(text.as_bytes()).await.expect("is read");
    let mut answer = String::new();
    within("the answer ends", stream.read_to_string(&mut answer))
        .await
        .expect("is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("has a head");
    let status = head.split(' ').nth(1).expect("has a status");
    (status.parse().expect("is a number"), body.to_owned())
}
