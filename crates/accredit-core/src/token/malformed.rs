//! Why a token is malformed, for the operator. Clients see only the fixed text of the reason.

use std::fmt;

use crate::jose::base64url::Base64UrlError;
use crate::jose::json::JsonError;

/// Header parameters and claims whose names may be shown before the signature is verified.
const STANDARD_NAMES: [&str; 32] = [
    "acr",
    "act",
    "alg",
    "amr",
    "aud",
    "auth_time",
    "azp",
    "client_id",
    "cnf",
    "crit",
    "cty",
    "email",
    "exp",
    "groups",
    "iat",
    "iss",
    "jku",
    "jti",
    "jwk",
    "kid",
    "nbf",
    "nonce",
    "oid",
    "roles",
    "scope",
    "scopes",
    "scp",
    "sid",
    "sub",
    "typ",
    "x5c",
    "x5t",
];

/// Why a token is malformed (CONTRACT 4.4.1).
///
/// Carries names of standard members, sizes and offsets, and no other content of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedToken {
    #[error("the token has {size} bytes; max_token_size is {limit}")]
    TooLong { size: usize, limit: usize },
    #[error("the token has a byte outside ASCII at offset {0}")]
    NotAscii(usize),
    #[error("the token begins with the word `Bearer`, so the request has the scheme twice")]
    PastedScheme,
    #[error("the token is enclosed in quotation marks")]
    Quoted,
    #[error(
        "the token has no dots: it is an opaque token, not a JWT; request a JWT access token from the issuer"
    )]
    Opaque,
    #[error(
        "the token has 5 parts: it is an encrypted JWT (JWE); accredit verifies signed JWTs, which have 3 parts"
    )]
    Encrypted,
    #[error("the token has {0} parts; a signed JWT has 3")]
    Parts(usize),
    #[error("the {0} is not base64url: {1}")]
    NotBase64Url(TokenPart, Base64UrlError),
    #[error("the {0} cannot be read: {1}")]
    NotJson(TokenPart, JsonError),
    #[error("the {part} has {} twice", member(.name))]
    DuplicateMember {
        part: TokenPart,
        /// `None` if the name is not a standard one.
        name: Option<&'static str>,
    },
    #[error("the {0} is not a JSON object")]
    NotAnObject(TokenPart),
    #[error("the header has no `alg`")]
    NoAlgorithm,
    #[error("`{name}` in the {part} is not {expected}")]
    WrongType {
        part: TokenPart,
        name: &'static str,
        expected: &'static str,
    },
    #[error("the header has `{0}`, which asks for an extension that accredit does not support")]
    Extension(&'static str),
}

/// A part of a token in compact form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPart {
    Header,
    Claims,
    Signature,
}

impl MalformedToken {
    /// The cause in a text that does not consist of three base64url parts.
    pub(in crate::token) fn of_text(text: &str) -> MalformedToken {
        if text.starts_with(['"', '\'']) {
            return MalformedToken::Quoted;
        }
        if begins_with_scheme(text) {
            return MalformedToken::PastedScheme;
        }
        match text.split('.').count() {
            1 => MalformedToken::Opaque,
            5 => MalformedToken::Encrypted,
            parts => MalformedToken::Parts(parts),
        }
    }

    /// The cause in the JSON text of a part.
    pub(in crate::token) fn of_json(part: TokenPart, json: &[u8], error: JsonError) -> Self {
        let JsonError::DuplicateMember(start) = error else {
            return MalformedToken::NotJson(part, error);
        };
        let quoted = json.get(start..).unwrap_or_default();
        let name = quoted
            .strip_prefix(b"\"")
            .and_then(|rest| rest.split(|byte| *byte == b'"').next());
        MalformedToken::DuplicateMember {
            part,
            name: STANDARD_NAMES
                .into_iter()
                .find(|standard| name == Some(standard.as_bytes())),
        }
    }
}

/// `Bearer eyJ...`, `bearer:eyJ...` and `BearereyJ...`: pasted with the scheme.
fn begins_with_scheme(text: &str) -> bool {
    const SCHEME: &str = "bearer";
    match text.split_at_checked(SCHEME.len()) {
        Some((word, rest)) if word.eq_ignore_ascii_case(SCHEME) => {
            rest.starts_with("eyJ")
                || rest.starts_with(|next: char| !next.is_ascii_alphanumeric() && next != '.')
        }
        _ => false,
    }
}

fn member(name: &Option<&'static str>) -> String {
    name.map_or_else(|| "a member".to_owned(), |name| format!("`{name}`"))
}

impl fmt::Display for TokenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenPart::Header => "header",
            TokenPart::Claims => "claims set",
            TokenPart::Signature => "signature",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::MalformedToken;

    #[test]
    fn the_error_of_a_malformed_token_states_what_was_sent_instead() {
        for (text, cause) in [
            ("", MalformedToken::Opaque),
            ("8xLOxBtZp8", MalformedToken::Opaque),
            ("bearerABC", MalformedToken::Opaque),
            ("a.b", MalformedToken::Parts(2)),
            ("a.b.c.d", MalformedToken::Parts(4)),
            ("a.b.c.d.e", MalformedToken::Encrypted),
            ("bearer.b", MalformedToken::Parts(2)),
            ("Bearer eyJh.b.c", MalformedToken::PastedScheme),
            ("bearer:eyJh.b.c", MalformedToken::PastedScheme),
            ("BEARER%20eyJh.b.c", MalformedToken::PastedScheme),
            ("BearereyJh.b.c", MalformedToken::PastedScheme),
            ("\"eyJh.b.c\"", MalformedToken::Quoted),
        ] {
            assert_eq!(MalformedToken::of_text(text), cause, "{text:?}");
        }
    }
}
