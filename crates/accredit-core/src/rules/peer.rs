//! Patterns of the connection's peer: its principal and its address.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::request::without_zone;

/// A pattern of `principals`. It never matches a peer without a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// Compared character by character.
    Exact(String),
    /// The beginning of the principal. Empty for `*`.
    Prefix(String),
}

/// A range of `addresses`. IPv4-mapped IPv6 addresses count as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange(IpNet);

/// Why a text is not a pattern of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalPatternError {
    #[error("this principal is empty")]
    Empty,
    #[error(
        "this principal begins or ends with white space, and accredit compares it character by character"
    )]
    WhiteSpace,
    #[error("this principal has a `*` that is not its last character")]
    Star,
}

/// Why a text is not an address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRangeError {
    #[error("this is not an address range")]
    Syntax,
    /// Such a range is usually meant to be narrower.
    #[error("this range has bits of the address beyond its prefix length")]
    HostBits,
}

impl PrincipalPattern {
    /// # Errors
    /// [`PrincipalPatternError`]
    pub fn parse(text: &str) -> Result<PrincipalPattern, PrincipalPatternError> {
        if text.is_empty() {
            return Err(PrincipalPatternError::Empty);
        }
        if text.trim() != text {
            return Err(PrincipalPatternError::WhiteSpace);
        }
        let (literal, is_prefix) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        match (literal.contains('*'), is_prefix) {
            (true, _) => Err(PrincipalPatternError::Star),
            (false, true) => Ok(PrincipalPattern::Prefix(literal.to_owned())),
            (false, false) => Ok(PrincipalPattern::Exact(literal.to_owned())),
        }
    }

    pub fn matches(&self, principal: &str) -> bool {
        !principal.is_empty()
            && match self {
                PrincipalPattern::Exact(own) => own == principal,
                PrincipalPattern::Prefix(prefix) => principal.starts_with(prefix.as_str()),
            }
    }

    /// The whole principal, or its beginning.
    pub(crate) fn text(&self) -> &str {
        match self {
            PrincipalPattern::Exact(text) | PrincipalPattern::Prefix(text) => text,
        }
    }

    /// Whether this matches every principal that `other` matches.
    pub fn covers(&self, other: &PrincipalPattern) -> bool {
        match (self, other) {
            (PrincipalPattern::Exact(own), PrincipalPattern::Exact(other)) => own == other,
            (PrincipalPattern::Exact(_), PrincipalPattern::Prefix(_)) => false,
            (
                PrincipalPattern::Prefix(prefix),
                PrincipalPattern::Exact(other) | PrincipalPattern::Prefix(other),
            ) => other.starts_with(prefix.as_str()),
        }
    }
}

impl AddressRange {
    /// Reads an address, `/` and a prefix length.
    ///
    /// # Errors
    /// [`AddressRangeError`]
    pub fn parse(text: &str) -> Result<AddressRange, AddressRangeError> {
        let range: IpNet = text.parse().map_err(|_| AddressRangeError::Syntax)?;
        if range != range.trunc() {
            return Err(AddressRangeError::HostBits);
        }
        Ok(AddressRange(canonical(range)))
    }

    /// `address` is as [`address_of`] reads it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether this contains every address of `other`.
    pub fn covers(&self, other: &AddressRange) -> bool {
        self.0.contains(&other.0)
    }
}

/// The address of a peer, an IPv4-mapped one as IPv4. `None` for any other text, such as that of a unix socket.
///
/// Envoy appends the zone of a link-local address (`fe80::1%2`). It names an interface of Envoy's machine.
pub fn address_of(text: &str) -> Option<IpAddr> {
    without_zone(text)
        .parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// A range of IPv4-mapped addresses as a range of IPv4.
fn canonical(range: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    let mapped = match range {
        IpNet::V4(_) => None,
        IpNet::V6(range) => range
            .prefix_len()
            .checked_sub(MAPPED_BITS)
            .zip(range.addr().to_ipv4_mapped()),
    };
    mapped
        .and_then(|(bits, address)| Ipv4Net::new(address, bits).ok())
        .map_or(range, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::{
        AddressRange, AddressRangeError, PrincipalPattern, PrincipalPatternError, address_of,
    };

    fn principal(text: &str) -> PrincipalPattern {
        PrincipalPattern::parse(text).expect("is a pattern")
    }

    fn range(text: &str) -> AddressRange {
        AddressRange::parse(text).expect("is a range")
    }

    #[test]
    fn a_principal_equals_the_pattern_or_begins_with_its_prefix() {
        let exact = principal("spiffe://a/ns/x/sa/b");
        assert!(exact.matches("spiffe://a/ns/x/sa/b"));
        let prefix = principal("spiffe://a/ns/x/*");
        assert!(prefix.matches("spiffe://a/ns/x/sa/b") && prefix.matches("spiffe://a/ns/x/"));
        for other in [
            "",
            "spiffe://a/ns/x/sa/bb",
            "SPIFFE://a/ns/x/sa/b",
            "x spiffe://a/ns/x/sa/b",
        ] {
            assert!(!exact.matches(other), "{other}");
        }
        for other in [
            "",
            "spiffe://a/ns/x",
            "spiffe://a/ns/xy/sa/b",
            "spiffe://a/ns/X/sa/b",
        ] {
            assert!(!prefix.matches(other), "{other}");
        }
        assert!(principal("*").matches("any") && !principal("*").matches(""));
        for (text, error) in [
            ("", PrincipalPatternError::Empty),
            ("a ", PrincipalPatternError::WhiteSpace),
            ("*a", PrincipalPatternError::Star),
            ("a*b*", PrincipalPatternError::Star),
            ("**", PrincipalPatternError::Star),
        ] {
            assert_eq!(PrincipalPattern::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn an_address_range_contains_mapped_addresses_as_ipv4() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "10.0.0.0/8",
                &[
                    "10.0.0.0",
                    "10.255.1.2",
                    "::ffff:10.1.2.3",
                    "::ffff:a01:203",
                ],
                &[
                    "11.0.0.1",
                    "::10.1.2.3",
                    "::1",
                    "",
                    "pipe",
                    "10.1.2.3:80",
                    "10.1",
                    "fe80::1%eth0",
                ],
            ),
            (
                "fe80::/10",
                &["fe80::1", "fe80::1%2", "fe80::1%eth0"],
                &["fec0::1%2", "%2", ""],
            ),
            (
                "::ffff:10.0.0.0/104",
                &["10.1.2.3", "::ffff:10.1.2.3"],
                &["11.0.0.1"],
            ),
            ("192.0.2.7/32", &["192.0.2.7"], &["192.0.2.8"]),
            ("0.0.0.0/0", &["1.2.3.4", "::ffff:1.2.3.4"], &["::1"]),
            (
                "2001:db8::/32",
                &["2001:db8::1"],
                &["2001:db9::1", "1.2.3.4"],
            ),
            ("::/0", &["::1"], &["1.2.3.4", "::ffff:1.2.3.4"]),
        ];
        for (text, inside, outside) in cases {
            let contains =
                |address: &str| address_of(address).is_some_and(|own| range(text).contains(own));
            for address in *inside {
                assert!(contains(address), "{text} {address}");
            }
            for address in *outside {
                assert!(!contains(address), "{text} {address}");
            }
        }
        for text in [
            "",
            "10.0.0.1",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/ 8",
            "10/8",
            "a/8",
            " 10.0.0.0/8",
        ] {
            assert_eq!(
                AddressRange::parse(text),
                Err(AddressRangeError::Syntax),
                "{text:?}"
            );
        }
        for text in ["10.0.0.1/8", "2001:db8::1/32", "::ffff:10.0.0.1/104"] {
            assert_eq!(
                AddressRange::parse(text),
                Err(AddressRangeError::HostBits),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        for (wide, narrow) in [("a*", "ab"), ("a*", "ab*"), ("a", "a"), ("*", "*")] {
            assert!(
                principal(wide).covers(&principal(narrow)),
                "{wide} {narrow}"
            );
        }
        for (one, other) in [("ab", "a*"), ("ab*", "a*"), ("a", "b")] {
            assert!(!principal(one).covers(&principal(other)), "{one} {other}");
        }
        assert!(range("10.0.0.0/8").covers(&range("10.1.0.0/16")));
        assert!(range("10.0.0.0/8").covers(&range("::ffff:10.1.0.0/112")));
        assert!(!range("10.1.0.0/16").covers(&range("10.0.0.0/8")));
        assert!(!range("0.0.0.0/0").covers(&range("::/0")));
    }
}
