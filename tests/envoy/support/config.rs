//! Configurations as a user would write them.

use super::keys::{key, key_set};

/// The issuer that most tests trust.
pub(crate) const ACME: &str = "https://acme.example";

/// Its key's id.
pub(crate) const KID: &str = "snk_58327480989122566";

/// An entry of `issuers` with these keys, and lines of its own.
pub(crate) fn issuer(name: &str, jwks: &str, lines: &[&str]) -> String {
    let mut entry =
        format!("  - issuer: {name}\n    jwks: {{ {jwks} }}\n    audiences: [api.acme.example]\n");
    for line in lines {
        entry.push_str("    ");
        entry.push_str(line);
        entry.push('\n');
    }
    entry
}

/// Keys that come with the configuration.
pub(crate) fn inline(keys: &[serde_json::Value]) -> String {
    format!("inline: '{}'", key_set(keys))
}

/// A configuration of one issuer, [`ACME`], whose one key, [`KID`], is the test key 0.
pub(crate) fn acme(issuer_lines: &[&str]) -> String {
    let jwks = inline(&[key(0).jwk(KID)]);
    format!("issuers:\n{}", issuer(ACME, &jwks, issuer_lines))
}
