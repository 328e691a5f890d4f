//! Address, discovery and shutdown of the issuer.

use super::*;

#[tokio::test]
async fn the_development_issuer_serves_both_discovery_documents() {
    let dev = RunningIssuer::start().await;
    assert_eq!(
        dev.issuer,
        format!("http://127.0.0.1:{}", dev.address.port())
    );
    let (_, _, openid) = dev.get("/.well-known/openid-configuration").await;
    let (_, _, oauth) = dev.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(openid, oauth);
    assert_eq!(openid["issuer"], dev.issuer);
    assert_eq!(
        openid["token_endpoint"],
        format!("{}/oauth/token", dev.issuer)
    );
    assert_eq!(openid["jwks_uri"], format!("{}/keys", dev.issuer));
    assert_eq!(
        openid["grant_types_supported"],
        json!(["client_credentials"])
    );
    assert_eq!(openid["response_types_supported"], json!([]));
    // Some clients refuse a document without it (RFC 8414 section 2 lets this issuer leave it out).
    let authorize = openid["authorization_endpoint"].as_str().expect("a URL");
    let path = authorize.strip_prefix(&dev.issuer).expect("is its own");
    let (status, _, refusal) = dev.get(&format!("{path}?response_type=code")).await;
    assert_eq!(
        (status.as_u16(), &refusal["error"]),
        (400, &json!("unsupported_response_type"))
    );

    let (_, headers, keys) = dev.get("/keys").await;
    assert_eq!(header(&headers, "cache-control"), "max-age=60");
    assert_eq!(keys, dev.minter.key_set());
    let [key] = keys["keys"].as_array().expect("keys").as_slice() else {
        panic!("one key: {keys}");
    };
    let members: HashSet<&str> = key
        .as_object()
        .expect("a key")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        members,
        HashSet::from(["use", "kty", "kid", "alg", "n", "e"])
    );
    assert_eq!(
        (&key["use"], &key["kty"], &key["alg"]),
        (&json!("sig"), &json!("RSA"), &json!("RS256"))
    );
}

#[tokio::test]
async fn the_development_issuer_serves_only_loopback_addresses_and_hosts() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:127.0.0.1]:0"] {
        let bound = DevIssuer::bind(address.parse().expect("an address")).await;
        assert!(
            matches!(bound, Err(DevIssuerError::NotLoopback(_))),
            "{address}"
        );
    }
    let dev = RunningIssuer::start().await;
    let taken = DevIssuer::bind(dev.address).await;
    assert!(matches!(taken, Err(DevIssuerError::Bind(address, _)) if address == dev.address));

    for (host, expected) in [("attacker.example", 403), ("localhost:9193", 200)] {
        let request = dev
            .http
            .get(format!("{}/keys", dev.issuer))
            .header(HOST, host);
        let (status, ..) = answer(request).await;
        assert_eq!(status.as_u16(), expected, "{host}");
    }
}

/// Opens a request whose handler waits for a body of two bytes.
async fn open_request(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = "POST /dev/token HTTP/1.1\r\nHost: localhost\r\n\
        Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    // The server sends this when the handler reads the body.
    let mut interim = [0; 25];
    let read = stream.read_exact(&mut interim).await;
    read.expect("an interim answer");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

async fn rest_of(mut stream: TcpStream) -> String {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("an answer");
    rest
}

#[tokio::test]
async fn the_shutdown_of_the_development_issuer_waits_for_an_open_request() {
    let mut dev = RunningIssuer::start().await;
    let mut stream = open_request(dev.address).await;
    dev.stop.send(()).expect("a server that listens");
    while TcpStream::connect(dev.address).await.is_ok() {
        task::yield_now().await;
    }

    stream.write_all(b"{}").await.expect("sent");
    let rest = rest_of(stream).await;
    assert!(rest.starts_with("HTTP/1.1 200 OK"), "{rest}");
    let ended = dev.tasks.join_next().await.expect("a task");
    assert!(ended.expect("no panic").is_ok());
}

#[tokio::test]
async fn an_endless_request_does_not_prevent_the_shutdown_of_the_development_issuer() {
    let mut dev = RunningIssuer::start().await;
    let stream = open_request(dev.address).await;
    dev.stop.send(()).expect("a server that listens");
    let ended = dev.tasks.join_next().await.expect("a task");
    assert!(ended.expect("no panic").is_ok());
    let rest = rest_of(stream).await;
    assert!(rest.starts_with("HTTP/1.1 503"), "{rest}");
}

#[tokio::test]
async fn debug_output_of_the_development_issuer_has_no_secret() {
    let dev = DevIssuer::bind("127.0.0.1:0".parse().expect("an address")).await;
    let dev = dev.expect("an issuer");
    let printed = format!("{dev:?} {:?}", dev.minter());
    assert!(printed.contains(&dev.issuer()), "{printed}");
    assert!(!printed.contains("secret") && !printed.contains("KeyPair"));
}
