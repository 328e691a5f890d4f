//! One entry of a deny list.

use std::fmt;

use crate::token::numeric_date::NumericDate;

/// The property of a token that an entry names. A token is looked up in the order of these variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RevokedBy {
    TokenId,
    Subject,
    ClientId,
    Organization,
    /// The `kid` of the key that verified the token, as the key set has it.
    KeyId,
}

/// Tokens of one issuer that have one property in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenyListEntry<'a> {
    /// The `iss` of the tokens, compared character by character.
    pub issuer: &'a str,
    pub by: RevokedBy,
    /// The value of the property, compared character by character.
    pub value: &'a str,
    /// The entry names only tokens whose `iat` is earlier, and tokens without `iat`.
    pub issued_before: Option<NumericDate>,
    /// The entry has no effect from then on.
    pub until: Option<NumericDate>,
    /// Where the entry begins in the list, from 1.
    pub line: u32,
}

/// The place of the entry that names a refused token. It has no value of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokingEntry {
    pub line: u32,
    pub by: RevokedBy,
}

impl RevokedBy {
    pub const ALL: [RevokedBy; 5] = [
        RevokedBy::TokenId,
        RevokedBy::Subject,
        RevokedBy::ClientId,
        RevokedBy::Organization,
        RevokedBy::KeyId,
    ];

    /// The key of an entry, which also is the name of the claim.
    pub fn as_str(self) -> &'static str {
        match self {
            RevokedBy::TokenId => "jti",
            RevokedBy::Subject => "sub",
            RevokedBy::ClientId => "client_id",
            RevokedBy::Organization => "oid",
            RevokedBy::KeyId => "kid",
        }
    }

    pub fn from_name(name: &str) -> Option<RevokedBy> {
        RevokedBy::ALL.into_iter().find(|by| by.as_str() == name)
    }
}

impl fmt::Display for RevokingEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the entry in line {} of the deny list names its `{}`",
            self.line,
            self.by.as_str()
        )
    }
}
