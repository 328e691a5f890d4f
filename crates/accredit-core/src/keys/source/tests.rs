//! Which addresses of keys may be fetched, and how they are displayed.

use super::{AddressError, KeyAddress, Transport};

#[test]
fn http_key_urls_are_for_loopback_unless_allowed() {
    for text in [
        "https://a.example/keys",
        "http://127.0.0.1:9/keys",
        "http://localhost/k",
        "http://[::1]:9/k",
    ] {
        assert!(KeyAddress::parse(text, Transport::Https).is_ok(), "{text}");
    }
    for text in [
        "http://a.example/keys",
        "http://127.0.0.1.example/k",
        "http://localhost.example/",
    ] {
        assert_eq!(
            KeyAddress::parse(text, Transport::Https),
            Err(AddressError::Insecure),
            "{text}"
        );
        assert!(
            KeyAddress::parse(text, Transport::HttpToo).is_ok(),
            "{text}"
        );
    }
}

#[test]
fn a_key_url_without_scheme_or_host_has_its_own_error() {
    for (text, error) in [
        ("", AddressError::NoScheme),
        ("/keys", AddressError::NoScheme),
        ("a.example/keys", AddressError::NoScheme),
        ("a.example:8443/keys", AddressError::NoScheme),
        ("localhost:8080/keys", AddressError::NoScheme),
        ("//a.example:1/keys", AddressError::NoScheme),
        ("https:", AddressError::NoHost),
        ("https://", AddressError::NoHost),
        ("https:///keys", AddressError::NoHost),
        ("https:a.example/keys", AddressError::NoHost),
        ("https:/a.example/keys", AddressError::NoHost),
        ("https://?a", AddressError::NoHost),
        ("https://user@/keys", AddressError::NoHost),
        ("https://:443/keys", AddressError::NoHost),
        ("https://a.example:x/", AddressError::NotAUrl),
        ("https://a b/", AddressError::NotAUrl),
        ("ftp://a.example", AddressError::OtherScheme),
        ("file:///etc/passwd", AddressError::OtherScheme),
        ("data:,x", AddressError::OtherScheme),
    ] {
        assert_eq!(
            KeyAddress::parse(text, Transport::HttpToo),
            Err(error),
            "{text}"
        );
    }
}

#[test]
fn key_set_redirects_stay_on_the_host_and_on_https() {
    let from =
        KeyAddress::parse("https://a.example/keys", Transport::Https).expect("is an address");
    assert!(from.redirected("/new").is_ok());
    assert!(from.redirected("https://A.example/new?x").is_ok());
    for (location, shown) in [
        (
            "https://u:secret@b.example/keys?secret",
            Some("https://b.example/keys"),
        ),
        ("http://a.example/keys", Some("http://a.example/keys")),
        ("//b.example/", Some("https://b.example/")),
        ("file:///etc/passwd", Some("file:")),
        ("data:secret", Some("data:")),
        ("https://", None),
    ] {
        assert_eq!(
            from.redirected(location),
            Err(shown.map(str::to_owned)),
            "{location}"
        );
    }
}

#[test]
fn a_key_url_is_displayed_without_credentials_and_query() {
    let address = KeyAddress::parse(
        "https://user:secret@a.example:8443/keys?token=secret",
        Transport::Https,
    )
    .expect("is an address");
    assert_eq!(
        format!("{address} {address:?}"),
        "https://a.example:8443/keys https://a.example:8443/keys"
    );
}
