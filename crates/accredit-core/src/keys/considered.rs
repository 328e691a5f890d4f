//! Which keys of a set were considered for a token that none of them verified, and why each was not used (CONTRACT 2.5.6).

use std::fmt;

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Unusable;
use crate::jose::key::{KeyType, VerificationKey};
use crate::keys::key_set::{KeyIdStanding, KeySet, MAX_CANDIDATES};
use crate::keys::set_aside::write_key;

/// A key that did not verify a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsideredKey<'a> {
    pub key_id: Option<&'a str>,
    pub cause: NotUsed,
}

/// Why a key did not verify a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUsed {
    #[error("it has another `kid`")]
    OtherKeyId,
    #[error("its `kty` is {}, and {algorithm} needs {}", .own.name(), .needed.name())]
    OtherType {
        own: KeyType,
        algorithm: Algorithm,
        needed: KeyType,
    },
    #[error("its `crv` suits {0} only")]
    OtherCurve(Algorithm),
    #[error("its `alg` is {0}")]
    OtherAlgorithm(Algorithm),
    #[error("{0}, so it is set aside")]
    SetAside(Unusable),
    #[error("it does not verify the signature")]
    OtherSignature,
    #[error("it was not tried, because {MAX_CANDIDATES} other keys had been tried")]
    NotTried,
}

impl KeySet {
    /// The keys that were considered for a token of which none verifies the signature: the candidates of CONTRACT 5.2.1, and every
    /// key if no key has the token's `kid`.
    pub fn considered<'a>(
        &'a self,
        key_id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> Vec<ConsideredKey<'a>> {
        let is_unknown = self.standing(key_id) == KeyIdStanding::Unknown;
        let is_candidate = |own: Option<&str>| key_id.is_none() || own.is_none() || own == key_id;
        let tried: Vec<_> = self.candidates(key_id, algorithm).collect();
        let usable = self.keys().iter().map(|key| {
            let was_tried = || tried.iter().any(|own| std::ptr::eq(*own, key));
            let cause = match misfit(&key.key, algorithm) {
                Some(misfit) => misfit,
                None if was_tried() => NotUsed::OtherSignature,
                None => NotUsed::NotTried,
            };
            (key.key_id.as_deref(), cause)
        });
        let set_aside = self
            .set_aside()
            .iter()
            .map(|key| (key.key_id.as_deref(), NotUsed::SetAside(key.reason)));
        usable
            .chain(set_aside)
            .filter_map(|(own, cause)| match is_candidate(own) {
                true => Some(ConsideredKey { key_id: own, cause }),
                false => is_unknown.then_some(ConsideredKey {
                    key_id: own,
                    cause: NotUsed::OtherKeyId,
                }),
            })
            .collect()
    }
}

/// Why the key cannot verify signatures of that algorithm; `None` if it can.
fn misfit(key: &VerificationKey, algorithm: Algorithm) -> Option<NotUsed> {
    if key.fits(algorithm) {
        return None;
    }
    let needed = key_type(algorithm);
    if key.key_type() != needed {
        return Some(NotUsed::OtherType {
            own: key.key_type(),
            algorithm,
            needed,
        });
    }
    let own = key.algorithms().next()?;
    Some(match needed {
        KeyType::Rsa => NotUsed::OtherAlgorithm(own),
        KeyType::Ec | KeyType::Okp => NotUsed::OtherCurve(own),
    })
}

fn key_type(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => KeyType::Rsa,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 => KeyType::Ec,
        Algorithm::EdDsa => KeyType::Okp,
    }
}

impl fmt::Display for ConsideredKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_key(f, self.key_id, &self.cause)
    }
}

#[cfg(test)]
mod tests {
    use crate::jose::algorithm::Algorithm;
    use crate::keys::key_set::KeySet;

    const ED25519: &str =
        r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    const P256: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;

    #[test]
    fn each_considered_key_has_the_cause_why_it_was_not_used() {
        let rsa = format!(
            r#""kty":"RSA","alg":"RS512","e":"AQAB","n":"{}w""#,
            "q".repeat(341)
        );
        let text = format!(
            r#"{{"keys":[{{"kid":"ed",{ED25519}}},{{"kid":"ec",{P256}}},{{"kid":"rsa",{rsa}}},
                {{"kid":"ops","key_ops":["sign"],{P256}}},{{"use":"enc",{P256}}}]}}"#
        );
        let set = KeySet::parse(text.as_bytes()).expect("is a key set");
        let considered = |key_id, algorithm| {
            let keys = set.considered(key_id, algorithm).into_iter();
            keys.map(|key| key.to_string()).collect::<Vec<_>>()
        };
        let enc =
            "a key without kid: its `use` is neither `sig` nor `jwt-svid`, so it is set aside";
        for (key_id, algorithm, cause) in [
            (
                "ed",
                Algorithm::EdDsa,
                r#"key "ed": it does not verify the signature"#,
            ),
            (
                "ed",
                Algorithm::Es256,
                r#"key "ed": its `kty` is OKP, and ES256 needs EC"#,
            ),
            (
                "ec",
                Algorithm::Es384,
                r#"key "ec": its `crv` suits ES256 only"#,
            ),
            ("rsa", Algorithm::Rs256, r#"key "rsa": its `alg` is RS512"#),
            (
                "ops",
                Algorithm::Es256,
                r#"key "ops": its `key_ops` lacks `verify`, so it is set aside"#,
            ),
        ] {
            assert_eq!(
                considered(Some(key_id), algorithm),
                [cause, enc],
                "{key_id}"
            );
        }
        let other = |key_id: &str| format!("key {key_id:?}: it has another `kid`");
        let others = ["ed", "ec", "rsa", "ops"].map(other);
        assert_eq!(
            considered(Some("new"), Algorithm::Es256),
            [&others[..], &[enc.to_owned()]].concat()
        );
        assert_eq!(considered(None, Algorithm::Es256).len(), 5);
        let many = vec![format!("{{{ED25519}}}"); 17].join(",");
        let set = KeySet::parse(format!(r#"{{"keys":[{many}]}}"#).as_bytes()).expect("is a set");
        let last = set
            .considered(None, Algorithm::EdDsa)
            .pop()
            .expect("is considered");
        assert_eq!(
            last.to_string(),
            "a key without kid: it was not tried, because 16 other keys had been tried"
        );
    }
}
