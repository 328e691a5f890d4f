//! Configurations as a user would write them.

use std::path::Path;

use accredit_test_support::keys::{rsa, set};

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
    format!("inline: '{}'", set(keys.iter().cloned()))
}

/// A configuration of one issuer, [`ACME`], whose one key, [`KID`], is the test key 0.
pub(crate) fn acme(issuer_lines: &[&str]) -> String {
    let jwks = inline(&[rsa(0).jwk(KID)]);
    format!("issuers:\n{}", issuer(ACME, &jwks, issuer_lines))
}

/// The issuer of the shipped examples.
pub(crate) const SCALEKIT: &str = "https://acme.scalekit.dev";

/// A configuration of `examples/` whose issuer's one key, [`KID`], is the test key 0, in place of the address of its keys.
pub(crate) fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let uri = format!("uri: {SCALEKIT}/keys");
    assert_eq!(text.matches(&uri).count(), 1, "{name}");
    text.replace(&uri, &inline(&[rsa(0).jwk(KID)]))
}
