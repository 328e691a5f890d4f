//! The words that the configuration has for values of the domain, such as `enforce` for [`Binding::Enforce`].

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::authn::realm::WithoutKeysPolicy;
use crate::jose::algorithm::Algorithm;
use crate::rules::ambiguity::Ambiguity;
use crate::token::requirements::{AbsentAudience, Binding};

/// A value of the domain that the configuration writes as a word.
pub trait Vocabulary: Copy + PartialEq + 'static {
    /// The name of its definition in the schema.
    const NAME: &'static str;
    /// What the value decides, for the schema.
    const ABOUT: &'static str;
    /// Each word, its value and its meaning. The meanings may all be empty.
    const WORDS: &'static [(&'static str, Self, &'static str)];
}

/// A word of the configuration and its value.
#[derive(Clone, Copy, Debug)]
pub struct Word<T> {
    word: &'static str,
    /// The value that the word means.
    pub value: T,
}

impl<T: Vocabulary> Word<T> {
    /// The value of a word; `None` if there is no such word.
    pub fn parse(text: &str) -> Option<Word<T>> {
        T::WORDS
            .iter()
            .find(|(word, _, _)| *word == text)
            .map(|(word, value, _)| Word {
                word,
                value: *value,
            })
    }
}

impl<T> PartialEq for Word<T> {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl<T> Eq for Word<T> {}

impl<T> Hash for Word<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.word.hash(state);
    }
}

impl<'de, T: Vocabulary> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word<T>, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Word::parse(&text).ok_or_else(|| de::Error::custom("there is no such word"))
    }
}

impl<T: Vocabulary> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if T::WORDS.iter().all(|(_, _, meaning)| meaning.is_empty()) {
            let words: Vec<&str> = T::WORDS.iter().map(|(word, _, _)| *word).collect();
            return json_schema!({ "description": T::ABOUT, "type": "string", "enum": words });
        }
        let words: Vec<Value> = T::WORDS
            .iter()
            .map(|(word, _, meaning)| json!({ "description": meaning, "type": "string", "const": word }))
            .collect();
        json_schema!({ "description": T::ABOUT, "oneOf": words })
    }
}

/// What a rule requires of a request (CONTRACT 3.5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessWord {
    Anonymous,
    Optional,
    Token,
    Deny,
}

impl Vocabulary for AccessWord {
    const NAME: &'static str = "Access";
    const ABOUT: &'static str = "What a rule requires of a request.";
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        (
            "anonymous",
            AccessWord::Anonymous,
            "No token is required, and accredit reads none.",
        ),
        (
            "optional",
            AccessWord::Optional,
            "A request without a token is admitted. A request with a token that fails is denied.",
        ),
        (
            "token",
            AccessWord::Token,
            "A verified token that satisfies the conditions of the rule is required.",
        ),
        ("deny", AccessWord::Deny, "Every request is denied."),
    ];
}

impl Vocabulary for AbsentAudience {
    const NAME: &'static str = "AudienceAbsent";
    const ABOUT: &'static str = "What happens to a token without an audience.";
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        (
            "refuse",
            AbsentAudience::Refuse,
            "accredit refuses the token.",
        ),
        ("accept", AbsentAudience::Accept, "The token passes."),
    ];
}

impl Vocabulary for Binding {
    const NAME: &'static str = "Binding";
    const ABOUT: &'static str = "What happens to a token that is bound to its sender (`cnf`).";
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        (
            "enforce",
            Binding::Enforce,
            "accredit refuses the token unless its proof was checked.",
        ),
        (
            "ignore",
            Binding::Ignore,
            "The token passes like a token without `cnf`.",
        ),
    ];
}

impl Vocabulary for WithoutKeysPolicy {
    const NAME: &'static str = "Unavailable";
    const ABOUT: &'static str =
        "The answer to a request whose token is from an issuer without usable keys.";
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        (
            "refuse",
            WithoutKeysPolicy::Refuse,
            "accredit denies the request with 503.",
        ),
        (
            "defer",
            WithoutKeysPolicy::Defer,
            "accredit fails the check, and Envoy decides by its `failure_mode_allow`.",
        ),
    ];
}

impl Vocabulary for Algorithm {
    const NAME: &'static str = "Algorithm";
    const ABOUT: &'static str =
        "A signature algorithm. `Ed25519` (RFC 9864) is another name of `EdDSA`.";
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("RS256", Algorithm::Rs256, ""),
        ("RS384", Algorithm::Rs384, ""),
        ("RS512", Algorithm::Rs512, ""),
        ("PS256", Algorithm::Ps256, ""),
        ("PS384", Algorithm::Ps384, ""),
        ("PS512", Algorithm::Ps512, ""),
        ("ES256", Algorithm::Es256, ""),
        ("ES384", Algorithm::Es384, ""),
        ("ES512", Algorithm::Es512, ""),
        ("EdDSA", Algorithm::EdDsa, ""),
        ("Ed25519", Algorithm::EdDsa, ""),
    ];
}

impl Vocabulary for Ambiguity {
    const NAME: &'static str = "AmbiguousPath";
    const ABOUT: &'static str =
        "A kind of ambiguous path: two careful servers can read such a path differently.";
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        (
            "dot_segments",
            Ambiguity::DotSegments,
            "A segment `.` or `..`, plain or encoded.",
        ),
        ("empty_segments", Ambiguity::EmptySegments, "`//`"),
        ("encoded_slash", Ambiguity::EncodedSlash, "`%2F`"),
        ("backslash", Ambiguity::Backslash, "`\\`, plain or encoded."),
        (
            "double_encoding",
            Ambiguity::DoubleEncoding,
            "An encoded `%`.",
        ),
        (
            "encoded_delimiter",
            Ambiguity::EncodedDelimiter,
            "An encoded `;`, `?` or `#`, or a plain `#`.",
        ),
        (
            "bad_encoding",
            Ambiguity::BadEncoding,
            "A bad escape, a plain space, a byte outside printable ASCII, or text that is not UTF-8 once decoded.",
        ),
        ("parameters", Ambiguity::Parameters, "`;`"),
    ];
}

#[cfg(test)]
mod tests {
    use super::Word;
    use crate::jose::algorithm::Algorithm;
    use crate::rules::ambiguity::Ambiguity;

    #[test]
    fn every_algorithm_and_kind_of_ambiguous_path_has_a_configuration_name() {
        for algorithm in Algorithm::ALL {
            let word = Word::<Algorithm>::parse(algorithm.name()).map(|word| word.value);
            assert_eq!(word, Some(algorithm));
        }
        for kind in Ambiguity::ALL {
            let word = Word::<Ambiguity>::parse(kind.name()).map(|word| word.value);
            assert_eq!(word, Some(kind));
        }
    }
}
