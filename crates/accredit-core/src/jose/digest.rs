//! SHA-256, and the comparison of digests.

use std::fmt::Write as _;

use aws_lc_rs::{constant_time, digest};

/// The digest of these bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut own = [0; 32];
    let digest = digest::digest(&digest::SHA256, bytes);
    own.iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    own
}

/// Whether both are the same, in a time that depends on their lengths only.
pub fn are_equal(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// The digest of the concatenated parts, in lower-case hexadecimal.
pub fn sha256_hex(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut text = String::new();
    for byte in context.finish().as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{are_equal, sha256, sha256_hex};

    #[test]
    fn a_digest_of_parts_is_the_digest_of_their_concatenation() {
        assert!(are_equal(&sha256(b"abc"), &sha256(b"abc")));
        assert!(!are_equal(&sha256(b"abc"), &sha256(b"abd")));
        assert!(!are_equal(b"abc", b"ab"));
        assert_eq!(sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
        // FIPS 180-4's example.
        assert_eq!(
            sha256_hex(&[b"a", b"bc"]),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
