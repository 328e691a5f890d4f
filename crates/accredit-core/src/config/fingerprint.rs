//! A short hash of the values of a configuration. It identifies the configuration that made a decision.

use std::fmt::Write as _;
use std::hash::{Hash as _, Hasher};
use std::sync::Arc;

use aws_lc_rs::digest;

use crate::config::document::ConfigDocument;
use crate::config::rule_document::RuleDocument;

/// The number of bytes of the SHA-256 that are shown.
const SHOWN: usize = 6;

/// 12 hexadecimal digits that change with every value of the document. Values from flags and the environment are part
/// of it; comments and the order of keys are not.
pub fn of(document: &ConfigDocument) -> Arc<str> {
    of_all(document, [].into_iter())
}

/// Like [`of`], with the rules of files.
pub(crate) fn of_all<'a>(
    document: &ConfigDocument,
    files: impl Iterator<Item = &'a [RuleDocument]>,
) -> Arc<str> {
    let mut hasher = Sha256(digest::Context::new(&digest::SHA256));
    document.hash(&mut hasher);
    // Each list begins with its length, so that the hash changes if a rule moves to another file.
    files.for_each(|rules| rules.hash(&mut hasher));
    let digest = hasher.0.finish();
    let mut hex = String::with_capacity(2 * SHOWN);
    for byte in digest.as_ref().iter().take(SHOWN) {
        // Writing into a `String` cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex.into()
}

struct Sha256(digest::Context);

impl Hasher for Sha256 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used: the digest is longer than this type.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{fingerprint, load};

    fn of(text: &str) -> String {
        let (document, _) = load::read(text, &|name| {
            (name == "HOST").then(|| "b.example".to_owned())
        })
        .expect("is a configuration");
        fingerprint::of(&document).to_string()
    }

    #[test]
    fn the_fingerprint_depends_on_values_and_not_on_notation() {
        let base = of("listen: a:1\nissuers:\n  - { issuer: https://b.example, audiences: [x] }\n");
        assert!(
            base.len() == 12 && base.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{base}"
        );
        let same = "# a comment\nissuers:\n  - audiences: ['x']\n    issuer: https://${HOST}\nlisten: a:1\n";
        assert_eq!(of(same), base);
        for other in [
            "listen: a:2\nissuers:\n  - { issuer: https://b.example, audiences: [x] }\n",
            "listen: a:1\nissuers:\n  - { issuer: https://b.example, audiences: [y] }\n",
            "listen: a:1\nissuers:\n  - { issuer: https://b.example, audiences: [x], clock_skew: 1s }\n",
        ] {
            assert_ne!(of(other), base, "{other}");
        }
    }
}
