//! Each fault of the files and its error text.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::*;

struct Folder(TempDir);

impl Folder {
    fn with(certificate: &str, private_key: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tls.crt"), certificate).unwrap();
        std::fs::write(folder.path().join("tls.key"), private_key).unwrap();
        Self(folder)
    }

    fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.0.path().join("tls.crt"),
            private_key: self.0.path().join("tls.key"),
            client_ca: None,
            client_names: Vec::new(),
        }
    }

    /// The error's sentence, without where the folder is.
    fn error(&self, files: &TlsFiles, now: SystemTime) -> String {
        let loaded = read(files).and_then(|contents| load(files, &contents, &["h2"], now));
        let error = loaded.err().expect("cannot be served with").to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn certified(from: (i32, u8, u8), to: (i32, u8, u8)) -> (String, String) {
    let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    params.not_before = date_time_ymd(from.0, from.1, from.2);
    params.not_after = date_time_ymd(to.0, to.1, to.2);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn day(number: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(number * 24 * 60 * 60)
}

/// 2000-01-01 and ten days later.
const FROM: (i32, u8, u8) = (2000, 1, 1);
const TO: (i32, u8, u8) = (2000, 1, 11);
const FIRST: u64 = 10_957;

#[test]
fn each_thing_wrong_is_one_sentence_that_names_the_file() {
    let (certificate, key) = certified(FROM, TO);
    let (_, other_key) = certified(FROM, TO);
    for (certificate, key, now, said) in [
        (
            "",
            key.as_str(),
            FIRST,
            "tls.crt holds no certificate: write PEM, beginning with -----BEGIN CERTIFICATE-----",
        ),
        (
            &key,
            &key,
            FIRST,
            "tls.crt holds no certificate: write PEM, beginning with -----BEGIN CERTIFICATE-----",
        ),
        (
            &certificate,
            &certificate,
            FIRST,
            "tls.key holds no private key: write PEM, beginning with -----BEGIN PRIVATE KEY-----, not encrypted",
        ),
        (
            &certificate,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            FIRST,
            "the private key in tls.key cannot be used: use an RSA key of 2048 bits or more, or an ECDSA key on P-256 or P-384",
        ),
        (
            &certificate,
            &other_key,
            FIRST,
            "the private key in tls.key does not belong to the certificate in tls.crt: install a certificate and key that were issued together",
        ),
        (
            &certificate,
            &key,
            FIRST + 11,
            "the certificate in tls.crt expired on Tue, 11 Jan 2000 00:00:00 GMT: renew it",
        ),
        (
            &certificate,
            &key,
            FIRST - 1,
            "the certificate in tls.crt is not valid before Sat, 01 Jan 2000 00:00:00 GMT: wait until then, or correct the clock of this machine",
        ),
    ] {
        let folder = Folder::with(certificate, key);
        assert_eq!(folder.error(&folder.files(), day(now)), said);
    }
}

#[test]
fn a_missing_file_and_a_bad_authority_are_named() {
    let (certificate, key) = certified(FROM, TO);
    let folder = Folder::with(&certificate, &key);
    let path = |name: &str| Some(folder.0.path().join(name));
    let missing = TlsFiles {
        client_ca: path("ca.crt"),
        ..folder.files()
    };
    let said =
        "ca.crt: No such file or directory (os error 2); name a file that this user can read";
    assert_eq!(folder.error(&missing, day(FIRST)), said);
    let bad = TlsFiles {
        client_ca: path("tls.key"),
        ..folder.files()
    };
    let said =
        "tls.key holds no certificate: write PEM, beginning with -----BEGIN CERTIFICATE-----";
    assert_eq!(folder.error(&bad, day(FIRST)), said);
}

#[test]
fn a_certificate_is_complained_of_near_its_end_only() {
    let (certificate, key) = certified(FROM, TO);
    let folder = Folder::with(&certificate, &key);
    let files = folder.files();
    let contents = read(&files).unwrap();
    let loaded = load(&files, &contents, &["h2"], day(FIRST)).ok().unwrap();
    for (now, days) in [
        (0, None),
        (8, None),
        (9, Some(1)),
        (10, Some(0)),
        (12, Some(-2)),
    ] {
        let now = day(FIRST + now);
        assert_eq!(loaded.expiry.days_left_if_few(now), days, "{now:?}");
    }
    // Of a year, the last fortnight.
    let expiry = Expiry {
        not_before: 0,
        not_after: 365 * SECONDS_PER_DAY,
    };
    assert_eq!(expiry.days_left_if_few(day(351)), None);
    assert_eq!(expiry.days_left_if_few(day(352)), Some(13));
}
