//! Peers that end their side of a connection at any point, and keep the other open.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::eventually::within;
use crate::support::http2::{NO_WINDOW, SETTINGS, call, frame, get};
use crate::support::raw_call::CHECK;

use super::common::{good, process};

#[tokio::test]
async fn a_half_closed_connection_is_closed_on_every_port() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let open = [preface.clone(), frame(SETTINGS, 0, 0, &[])].concat();
    let no_window = [preface.clone(), frame(SETTINGS, 0, 0, &NO_WINDOW)].concat();
    let begun = [open.clone(), call(1, "localhost", CHECK)].concat();
    let asked = [open.clone(), get(1, "/readyz")].concat();
    let unread = [no_window, get(1, "/metrics")].concat();
    for address in [running.checks, running.admin, running.probes.unwrap()] {
        for (what, octets) in [
            ("nothing", &b""[..]),
            ("half of the preface", &preface[..9]),
            ("the preface", &open),
            ("half of a frame", &begun[..begun.len() - 5]),
            ("a call without its message", &begun),
            ("a request", &asked),
            ("a request whose answer has no window", &unread),
            (
                "half a request of HTTP/1.1",
                b"GET /livez HTTP/1.1\r\nhost: loc",
            ),
        ] {
            let mut stream = TcpStream::connect(address).await.expect("listens");
            stream.write_all(octets).await.expect("is read");
            stream.shutdown().await.expect("is open");
            let mut rest = Vec::new();
            let end = within(what, stream.read_to_end(&mut rest)).await;
            // Either end is one; what counts is that it comes.
            drop(end);
        }
    }
    assert!(running.check(good()).await.is_admission());
}
