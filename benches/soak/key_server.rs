//! The issuer's key server, whose key set changes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Serves the key set that was published last.
pub(crate) struct RotatingKeys {
    address: SocketAddr,
    key_set: Arc<Mutex<String>>,
}

impl RotatingKeys {
    pub(crate) async fn start() -> RotatingKeys {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let key_set = Arc::<Mutex<String>>::default();
        let served = Arc::clone(&key_set);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let body = served.lock().unwrap().clone();
                tokio::spawn(answer(stream, body));
            }
        });
        RotatingKeys { address, key_set }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    pub(crate) fn publish(&self, key_set: String) {
        *self.key_set.lock().unwrap() = key_set;
    }
}

async fn answer(mut stream: TcpStream, body: String) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if !stream
            .read_buf(&mut request)
            .await
            .is_ok_and(|read| read > 0)
        {
            return;
        }
    }
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    // An error means that the service has gone.
    let _ = stream.write_all((head + &body).as_bytes()).await;
}
