//! Files that were written, cut, changed and swapped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit_core::keys::access::KeyAccess;
use accredit_core::keys::source::{FetchSettings, KeyAddress, KeySource, Transport};

use super::{KeySetOwner, SavedKeySet, UnusableFile};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const NOW: u64 = 1_800_000_000;
const SET: &str = r#"{"keys":[{"kid":"a","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn fetch() -> FetchSettings {
    FetchSettings {
        refresh: Duration::from_secs(300),
        max_stale: DAY,
        timeout: Duration::from_secs(5),
        ca_file: None,
        access: KeyAccess::default(),
    }
}

fn uri(text: &str) -> KeySource {
    KeySource::Uri(KeyAddress::parse(text, Transport::Https).expect("is an address"))
}

fn owner(issuers: &[&str], source: &KeySource) -> KeySetOwner {
    let issuers: Vec<Arc<str>> = issuers.iter().map(|name| Arc::from(*name)).collect();
    KeySetOwner::of(&issuers, source, &fetch()).expect("is fetched")
}

fn acme() -> KeySetOwner {
    owner(&["https://a.example"], &uri("https://a.example/keys"))
}

fn file(confirmed: u64) -> Vec<u8> {
    SavedKeySet {
        owner: acme().into(),
        text: SET.as_bytes().into(),
        since: Instant::now(),
        confirmed,
    }
    .to_file()
}

#[test]
fn a_saved_key_set_is_read_with_its_age() {
    let restored = acme().read(&file(NOW - 60), NOW, DAY).expect("may serve");
    assert_eq!(restored.age, Duration::from_secs(60));
    assert_eq!(restored.key_set.keys().len(), 1);
}

#[test]
fn saved_keys_that_are_too_old_or_from_the_future_are_not_used() {
    let read = |confirmed| acme().read(&file(confirmed), NOW, DAY).map(|read| read.age);
    assert_eq!(read(NOW), Ok(Duration::ZERO));
    assert_eq!(read(NOW + 1), Err(UnusableFile::FromTheFuture));
    assert!(read(NOW - 86_399).is_ok());
    assert_eq!(read(NOW - 86_400), Err(UnusableFile::TooOld(DAY)));
    assert!(matches!(read(0), Err(UnusableFile::TooOld(_))));
}

/// CONTRACT 4.8.1: the issuer has withdrawn its keys, and a restart must not turn this into an outage.
#[test]
fn a_saved_empty_set_is_used_at_any_age() {
    for confirmed in [NOW, NOW - 86_400, 0] {
        let saved = SavedKeySet {
            owner: acme().into(),
            text: br#"{"keys":[]}"#[..].into(),
            since: Instant::now(),
            confirmed,
        };
        let restored = acme().read(&saved.to_file(), NOW, DAY).expect("is used");
        assert!(restored.key_set.keys().is_empty());
    }
}

#[test]
fn saved_keys_are_used_for_their_own_issuer_entry_only() {
    let source = uri("https://a.example/keys");
    let discovery = |transport| KeySource::Discovery {
        issuer: "https://a.example".into(),
        transport,
    };
    let others = [
        owner(&["https://b.example"], &source),
        owner(&["https://a.example", "https://b.example"], &source),
        owner(
            &["https://a.example"],
            &uri("https://a.example/keys?tenant=2"),
        ),
        owner(&["https://a.example"], &uri("https://user@a.example/keys")),
        owner(&["https://a.example"], &discovery(Transport::Https)),
        owner(&["https://a.example"], &discovery(Transport::HttpToo)),
        KeySetOwner::of(
            &["https://a.example".into()],
            &source,
            &FetchSettings {
                ca_file: Some("/ca.pem".into()),
                ..fetch()
            },
        )
        .expect("is fetched"),
    ];
    for (number, other) in others.iter().enumerate() {
        // The name of the file does not matter.
        assert_eq!(
            other.read(&file(NOW), NOW, DAY).err(),
            Some(UnusableFile::OtherOwner),
            "{other:?}"
        );
        assert_ne!(other.file_name(), acme().file_name());
        for another in others.iter().skip(number + 1) {
            assert_ne!(other.file_name(), another.file_name());
        }
    }
    let two = ["https://a.example", "https://b.example"];
    let turned = ["https://b.example", "https://a.example"];
    assert_eq!(owner(&two, &source), owner(&turned, &source));
    let at_hand = KeySource::File("keys.json".into());
    assert_eq!(KeySetOwner::of(&["a".into()], &at_hand, &fetch()), None);
}

#[test]
fn a_damaged_file_of_saved_keys_is_not_used() {
    let whole = file(NOW);
    for length in 0..whole.len() {
        let cut = whole.get(..length).expect("is shorter");
        assert!(acme().read(cut, NOW, DAY).is_err(), "{length}");
    }
    for place in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        assert!(acme().read(&flipped, NOW, DAY).is_err(), "{place}");
    }
    for text in ["", "\n", "{}\n{}", "null\n", "[1]\n{\"keys\":[]}"] {
        assert_eq!(
            acme().read(text.as_bytes(), NOW, DAY).err(),
            Some(UnusableFile::Damaged),
            "{text}"
        );
    }
    let other = String::from_utf8(whole).expect("is text");
    let other = other.replacen("\"format\":1", "\"format\":2", 1);
    assert_eq!(
        acme().read(other.as_bytes(), NOW, DAY).err(),
        Some(UnusableFile::OtherFormat(2))
    );
}

#[test]
fn a_file_of_saved_keys_contains_no_secret_of_the_key_url() {
    let source = uri("https://user:secret@a.example/keys?token=secret");
    let record = SavedKeySet {
        owner: owner(&["https://a.example"], &source).into(),
        text: SET.as_bytes().into(),
        since: Instant::now(),
        confirmed: NOW,
    };
    let text = format!("{record:?} {}", String::from_utf8_lossy(&record.to_file()));
    assert!(!text.contains("secret"), "{text}");
}
