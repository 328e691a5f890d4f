//! The signature algorithms that accredit accepts. All are asymmetric, so a published key can never be a signing secret.

use std::fmt;

/// A JWS signature algorithm (RFC 7518 section 3.1, RFC 8037, RFC 9864).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// EdDSA on Ed25519. RFC 9864 names the same algorithm `Ed25519`.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm that accredit supports (CONTRACT 3.6.1).
    pub const ALL: [Algorithm; 10] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
    ];

    /// The algorithm with this `alg` value, compared character by character (RFC 7515 section 4.1.1). `None` for every
    /// other value, including `none` and the symmetric algorithms.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        if name == "Ed25519" {
            return Some(Algorithm::EdDsa);
        }
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// The `alg` value (RFC 7518 section 3.1).
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl AlgorithmSet ===

/// The algorithms that an issuer entry accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AlgorithmSet(u16);

impl AlgorithmSet {
    /// Whether the issuer entry accepts the algorithm.
    pub fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        AlgorithmSet(
            algorithms
                .into_iter()
                .fold(0, |set, algorithm| set | algorithm.bit()),
        )
    }
}

impl fmt::Debug for AlgorithmSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = Algorithm::ALL
            .into_iter()
            .filter(|algorithm| self.contains(*algorithm));
        f.debug_set().entries(held).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, AlgorithmSet};

    #[test]
    fn algorithm_names_are_compared_exactly_and_only_asymmetric_ones_exist() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
        for name in [
            "none", "None", "", "HS256", "rs256", "RS256 ", "ES521", "ES256K", "Ed448",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn an_algorithm_set_contains_exactly_the_collected_algorithms() {
        let set: AlgorithmSet = [Algorithm::Rs256, Algorithm::EdDsa].into_iter().collect();
        let held: Vec<_> = Algorithm::ALL
            .into_iter()
            .filter(|a| set.contains(*a))
            .collect();
        assert_eq!(held, [Algorithm::Rs256, Algorithm::EdDsa]);
        assert!(!set.is_empty());
    }
}
