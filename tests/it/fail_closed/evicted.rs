//! Connections that are evicted do not keep others out (CONTRACT 7.3.4 and 7.3.5).

use tokio::net::TcpStream;

use crate::support::eventually::within;
use crate::support::http_get;
use crate::support::http2::{FrameConnection, HEADERS, get};

use super::common::process;

/// More connections than the port takes, and than may be evicted at the same time, come within a second; none of them is
/// closed by its peer.
#[tokio::test]
async fn each_new_connection_is_answered_while_evicted_ones_take_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    for address in [running.admin, running.probes.unwrap()] {
        let mut kept = Vec::new();
        for number in 0..900 {
            let mut connection = FrameConnection::open(address).await;
            connection.send(&get(1, "/livez")).await;
            let answered = within("it is answered", connection.next_of(HEADERS)).await;
            assert!(answered.is_some(), "connection {number} is closed");
            kept.push(connection);
        }
        let mut silent = Vec::new();
        for _ in 0..100 {
            silent.push(TcpStream::connect(address).await.expect("listens"));
        }
        assert_eq!(http_get::get(address, "localhost", "/livez").await.0, 200);
    }
}
