//! Fetches from a server that says what the test wants.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use super::{Fetch as _, Fetched, Fetcher, Purpose};
use crate::jwks::error::FetchError;
use crate::jwks::http::{Clients, Http};
use crate::jwks::source::{FetchSettings, KeyAddress, KeySource, Transport};

const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A server that gives each request the next of these answers, and tells on which of its connections each came.
fn server(answers: Vec<String>) -> (KeySource, mpsc::Receiver<usize>) {
    let (origin, asks) = server_at(|_| answers);
    let address = KeyAddress::parse(&format!("{origin}/keys"), Transport::Https);
    (KeySource::Uri(address.expect("is loopback")), asks)
}

/// The same, whose answers may name it.
fn server_at(answers: impl FnOnce(&str) -> Vec<String>) -> (String, mpsc::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("can be bound");
    let origin = format!("http://{}", listener.local_addr().expect("is bound"));
    let answers = answers(&origin);
    let (asked, asks) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answers = answers.into_iter().peekable();
        let mut connection = 0;
        while answers.peek().is_some() {
            let (stream, _) = listener.accept().expect("somebody connects");
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
                let _ = asked.send(connection);
                let answer = answers.next().expect("was peeked at");
                let _ = (&stream).write_all(answer.as_bytes());
            }
        }
    });
    (origin, asks)
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
    };
    Fetcher::new(source, &settings, Http::with_system_roots())
}

async fn fetch(fetcher: &mut Fetcher) -> Result<bool, FetchError> {
    let fetched: Result<Fetched, _> = fetcher.fetch(Purpose::Refresh).await;
    fetched.map(|fetched| fetched.key_set.is_some())
}

#[tokio::test]
async fn what_was_not_asked_for_is_not_confirmed() {
    let not_modified = answer("304 Not Modified", "", "");
    let (source, _) = server(vec![
        not_modified.clone(),
        answer("200 OK", "", KEYS),
        not_modified.clone(),
        answer("200 OK", "etag: \"1\"\r\n", KEYS),
        not_modified,
    ]);
    let mut fetcher = fetcher(&source);
    let refused = Err(FetchError::Status {
        status: 304,
        retry_after: None,
    });
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
async fn each_fetch_connects_anew() {
    let (source, asks) = server(vec![answer("200 OK", "", KEYS); 2]);
    let mut fetcher = fetcher(&source);
    assert_eq!(fetch(&mut fetcher).await, Ok(true));
    assert_eq!(fetch(&mut fetcher).await, Ok(true));
    assert_eq!(asks.iter().take(2).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_metadata_server_that_asks_for_it_is_left_alone_except_by_an_operator() {
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

#[tokio::test]
async fn no_proxy_is_asked_for_a_loopback_address() {
    let (proxy, asks) = server(vec![answer("200 OK", "", KEYS)]);
    let (local, _) = server(vec![answer("200 OK", "", KEYS)]);
    let KeySource::Uri(proxy) = proxy else {
        panic!("it has an address")
    };
    let proxy = reqwest::Proxy::all(proxy.url().clone()).expect("is a proxy");
    let clients = Clients::built(|| Http::builder().proxy(proxy.clone())).expect("can be built");
    let mut local = fetcher(&local);
    let elsewhere = KeyAddress::parse("http://keys.example/", Transport::HttpToo);
    let mut elsewhere = fetcher(&KeySource::Uri(elsewhere.expect("is an address")));
    for fetcher in [&mut local, &mut elsewhere] {
        if let super::Way::Http { http, .. } = &mut fetcher.way {
            *http = Http(Ok(clients.clone()));
        }
    }
    assert_eq!(fetch(&mut local).await, Ok(true));
    assert!(asks.try_recv().is_err());
    assert_eq!(fetch(&mut elsewhere).await, Ok(true));
    assert_eq!(asks.try_recv(), Ok(1));
}

#[tokio::test]
async fn what_is_no_file_is_not_opened() {
    let folder = tempfile::tempdir().expect("can be made");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    for path in [pipe, folder.path().to_owned()] {
        assert_eq!(
            fetch(&mut fetcher(&KeySource::File(path))).await,
            Err(FetchError::Unreadable(std::io::ErrorKind::InvalidInput))
        );
    }
}
