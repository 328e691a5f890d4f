//! Ranges of addresses, as other tools write them.

use std::net::IpAddr;

use accredit_core::rules::peer::AddressRange;

/// The range in the form of accredit: the first address and the length of the prefix. A single address is a range of one.
pub(crate) fn range(text: &str) -> Option<String> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (
            address.parse::<IpAddr>().ok()?,
            Some(bits.parse::<u32>().ok()?),
        ),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let (first, bits) = match address {
        IpAddr::V4(address) => {
            let bits = bits.unwrap_or(32);
            let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits)?).unwrap_or(0);
            (
                IpAddr::from((u32::from(address) & mask).to_be_bytes()),
                bits,
            )
        }
        IpAddr::V6(address) => {
            let bits = bits.unwrap_or(128);
            let mask = u128::MAX
                .checked_shl(128_u32.checked_sub(bits)?)
                .unwrap_or(0);
            (
                IpAddr::from((u128::from(address) & mask).to_be_bytes()),
                bits,
            )
        }
    };
    let range = format!("{first}/{bits}");
    AddressRange::parse(&range).is_ok().then_some(range)
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_begin_at_their_first_address() {
        for (text, expected) in [
            ("10.0.0.1", Some("10.0.0.1/32")),
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("2001:db8::1/32", Some("2001:db8::/32")),
            ("::1", Some("::1/128")),
            ("10.0.0.0/33", None),
            ("10.0.0/8", None),
            ("x", None),
        ] {
            assert_eq!(range(text).as_deref(), expected, "{text}");
        }
    }
}
