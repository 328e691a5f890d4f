//! Fetches from a server with the answers of each test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use accredit_core::keys::access::KeyAccess;
use accredit_core::keys::ledger::Purpose;
use accredit_core::keys::source::{FetchSettings, KeyAddress, KeySource, Transport};

use super::{Fetch as _, Fetcher};
use crate::jwks::error::{FetchError, RequestError, RequestFailure};
use crate::jwks::issuer_client::IssuerClient;
use crate::jwks::trust::TrustStore;

const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A server that gives each request the next of these answers, and sends the number of its connection.
fn server(answers: Vec<String>) -> (KeySource, mpsc::Receiver<usize>) {
    let (origin, requests) = server_at(|_| answers);
    let address = KeyAddress::parse(&format!("{origin}/keys"), Transport::Https);
    (KeySource::Uri(address.expect("is loopback")), requests)
}

/// The same, with answers that can contain its address.
fn server_at(answers: impl FnOnce(&str) -> Vec<String>) -> (String, mpsc::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("can be bound");
    let origin = format!("http://{}", listener.local_addr().expect("is bound"));
    let answers = answers(&origin);
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answers = answers.into_iter().peekable();
        let mut connection = 0;
        while answers.peek().is_some() {
            let (stream, _) = listener.accept().expect("is connected to");
            connection += 1;
            let mut lines = BufReader::new(&stream).lines();
            while answers.peek().is_some() {
                // A head ends with an empty line; without one the peer has gone.
                if !lines
                    .by_ref()
                    .map_while(Result::ok)
                    .any(|line| line.is_empty())
                {
                    break;
                }
                let _ = sender.send(connection);
                let answer = answers.next().expect("was peeked at");
                let _ = (&stream).write_all(answer.as_bytes());
            }
        }
    });
    (origin, requests)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

fn fetcher(source: &KeySource) -> Fetcher {
    let settings = FetchSettings {
        refresh: Duration::from_secs(300),
        max_stale: Duration::from_secs(3600),
        timeout: Duration::from_secs(60),
        ca_file: None,
        access: KeyAccess::default(),
    };
    Fetcher::new(source, &settings, IssuerClient::new(TrustStore::system()))
}

async fn fetch(fetcher: &mut Fetcher) -> Result<bool, FetchError> {
    let fetched = fetcher.fetch(Purpose::Refresh).await;
    fetched.map(|fetched| fetched.key_set.is_some())
}

#[tokio::test]
async fn a_304_without_a_condition_confirms_nothing() {
    let not_modified = answer("304 Not Modified", "", "");
    let (source, _) = server(vec![
        not_modified.clone(),
        answer("200 OK", "", KEYS),
        not_modified.clone(),
        answer("200 OK", "etag: \"1\"\r\n", KEYS),
        not_modified,
    ]);
    let mut fetcher = fetcher(&source);
    let refused = Err(FetchError::Request(RequestError {
        address: source.to_string(),
        cause: RequestFailure::UnexpectedNotModified,
    }));
    assert_eq!(fetch(&mut fetcher).await, refused);
    assert_eq!(fetch(&mut fetcher).await, Ok(true));
    assert_eq!(
        fetch(&mut fetcher).await,
        refused,
        "there was nothing to compare"
    );
    assert_eq!(fetch(&mut fetcher).await, Ok(true));
    assert_eq!(fetch(&mut fetcher).await, Ok(false));
}

#[tokio::test]
async fn each_fetch_opens_a_new_connection() {
    let (source, requests) = server(vec![answer("200 OK", "", KEYS); 2]);
    let mut fetcher = fetcher(&source);
    assert_eq!(fetch(&mut fetcher).await, Ok(true));
    assert_eq!(fetch(&mut fetcher).await, Ok(true));
    assert_eq!(requests.iter().take(2).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn the_retry_after_of_a_metadata_server_is_obeyed_except_for_the_operator() {
    let good = || answer("200 OK", "", KEYS);
    let (issuer, _) = server_at(|origin| {
        let text = format!(r#"{{"issuer":"{origin}","jwks_uri":"{origin}/keys"}}"#);
        let metadata = || answer("200 OK", "", &text);
        let busy = answer("503 Busy", "retry-after: 100\r\n", "");
        let absent = answer("404 Not Found", "", "");
        let found = [metadata(), good(), busy, absent, good()];
        let left_alone = [good(), good()];
        let asked_again = [metadata(), good(), metadata(), good()];
        [&found[..], &left_alone, &asked_again].concat()
    });
    let source = KeySource::Discovery {
        issuer,
        transport: Transport::Https,
    };
    let mut fetcher = fetcher(&source);
    for purpose in [
        Purpose::Refresh,
        Purpose::Refresh,
        Purpose::Refresh,
        Purpose::Demand,
        Purpose::Order,
        Purpose::Refresh,
    ] {
        let fetched = fetcher.fetch(purpose).await;
        assert_eq!(fetched.map(|_| ()), Ok(()), "{purpose:?}");
    }
}

/// CONTRACT 3.1.9: opening a FIFO would wait for a writer.
#[tokio::test]
async fn a_key_set_is_read_from_a_regular_file_only() {
    let folder = tempfile::tempdir().expect("can be made");
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.is_ok_and(|status| status.success()));
    for path in [fifo, folder.path().to_owned()] {
        assert_eq!(
            fetch(&mut fetcher(&KeySource::File(path.clone()))).await,
            Err(FetchError::File {
                path,
                cause: "not a regular file".into()
            })
        );
    }
}
