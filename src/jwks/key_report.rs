//! Logs what the issuer should correct in its key set: once for each change, not at every refresh (CONTRACT 5.7.2b).

use accredit_core::jose::jwk::Unusable;
use accredit_core::keys::key_set::KeySet;
use accredit_core::keys::set_aside::SetAside;
use accredit_core::keys::source::KeySource;

use crate::jwks::server_text::shortened;

/// How many keys that are set aside are logged one by one. The issuer decides how many there are.
const MAX_LOGGED_KEYS: usize = 8;

/// The faults of a key set that are logged.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::jwks) struct KeyReport {
    is_empty: bool,
    published_private_keys: usize,
    faulty: Vec<(Option<String>, Unusable)>,
    further_faulty: usize,
    /// Encryption keys are in many sets on purpose.
    for_encryption: Vec<(Option<String>, Unusable)>,
}

impl KeyReport {
    pub(in crate::jwks) fn of(key_set: &KeySet) -> KeyReport {
        let listed = |keys: &[&SetAside]| {
            let listed = keys.iter().take(MAX_LOGGED_KEYS);
            listed
                .map(|key| (key.key_id.as_deref().map(shortened), key.reason))
                .collect()
        };
        let (for_encryption, faulty): (Vec<_>, Vec<_>) = key_set
            .set_aside()
            .iter()
            .partition(|key| key.is_for_encryption());
        KeyReport {
            is_empty: key_set.keys().is_empty(),
            published_private_keys: key_set.published_private_keys(),
            faulty: listed(&faulty),
            further_faulty: faulty.len().saturating_sub(MAX_LOGGED_KEYS),
            for_encryption: listed(&for_encryption),
        }
    }

    pub(in crate::jwks) fn log(&self, source: &KeySource) {
        let issuer = source.issuer();
        if self.is_empty {
            tracing::error!(%source, issuer, "the issuer publishes an empty key set; its tokens are refused");
        }
        if self.published_private_keys > 0 {
            tracing::error!(
                %source, issuer, keys = self.published_private_keys,
                "the issuer publishes private keys; anyone who reads them can forge its tokens"
            );
        }
        for (key_id, reason) in &self.faulty {
            tracing::warn!(%source, issuer, key_id, %reason, "key set aside");
        }
        if self.further_faulty > 0 {
            tracing::warn!(%source, issuer, keys = self.further_faulty, "further keys set aside");
        }
        for (key_id, reason) in &self.for_encryption {
            tracing::debug!(%source, issuer, key_id, %reason, "key set aside");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::KeyReport;
    use accredit_core::keys::key_set::KeySet;
    use accredit_core::keys::source::KeySource;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("is whole").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The log lines at level info and above.
    fn logged(text: &str) -> String {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let set = KeySet::parse(text.as_bytes()).expect("is a set");
        let source = KeySource::File("keys.json".into());
        tracing::subscriber::with_default(subscriber, || KeyReport::of(&set).log(&source));
        let log = log.0.lock().expect("is whole");
        String::from_utf8_lossy(&log).into_owned()
    }

    const KEY: &str =
        r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    #[test]
    fn a_set_with_many_unusable_keys_does_not_flood_the_log() {
        let log = logged(&format!("{{\"keys\":[{{{KEY}}}{}]}}", ",0".repeat(100_000)));
        assert_eq!(log.lines().count(), 9, "{log}");
        assert!(log.contains("keys=99992"), "{log}");
    }

    #[test]
    fn a_key_that_is_set_aside_is_logged_with_its_kid_and_an_encryption_key_at_debug_level() {
        let log = logged(&format!(
            r#"{{"keys":[{{{KEY}}},{{"kid":"hmac","kty":"oct"}},{{"kid":"cipher","use":"enc",{KEY}}}]}}"#
        ));
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("hmac") && log.contains("symmetric"), "{log}");
    }

    #[test]
    fn a_published_private_key_is_logged_and_not_shown() {
        let log = logged(&format!(
            r#"{{"keys":[{{{KEY},"d":"c2VjcmV0"}},{{{KEY}}}]}}"#
        ));
        assert!(
            log.contains("ERROR") && log.contains("private keys"),
            "{log}"
        );
        assert!(log.contains("keys=1") && !log.contains("c2VjcmV0"), "{log}");
        assert_eq!(logged(&format!(r#"{{"keys":[{{{KEY}}}]}}"#)), "");
    }
}
