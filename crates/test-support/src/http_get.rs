//! Requests of HTTP/1.1 for which status and body are enough.

use std::net::SocketAddr;

use crate::client::{RawRequest, exchange};

/// Sends a GET with this `Host`. Returns the status and the body.
pub async fn get(address: SocketAddr, host: &str, path: &str) -> (u16, String) {
    let request = RawRequest::get(path).host(Some(host.as_bytes()));
    let answer = request.send(address).await;
    (answer.status, answer.text())
}

/// Sends a request text. Returns the status and the body of the answer, which ends with the connection.
pub async fn request(address: SocketAddr, text: &str) -> (u16, String) {
    let answer = exchange(address, text.as_bytes()).await;
    (answer.status, answer.text())
}
