//! Claim headers: the headers to the upstream that carry claims of a verified token (CONTRACT 4.10).

use crate::forward::header_name::HeaderName;
use crate::jose::base64url;
use crate::jose::json::{JsonKind, JsonValue};
use crate::token::claim_name::ClaimName;
use crate::token::claims::Claims;
use crate::token::scope;
use crate::token::verified::VerifiedToken;

/// The maximum length of a value, in bytes.
pub(crate) const MAX_VALUE: usize = 8 * 1024;

/// The maximum length of all values and the payload together, in bytes.
pub(crate) const MAX_TOTAL: usize = 24 * 1024;

/// The claim headers of an issuer entry, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimHeaders(Vec<ClaimHeader>);

/// A header and the claim that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    pub name: HeaderName,
    pub claim: MappedClaim,
    pub form: ClaimForm,
}

/// A claim that a header carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappedClaim {
    /// The token's scopes, whichever claim carries them.
    Scopes,
    Named(ClaimName),
}

/// How a claim is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimForm {
    /// By its type: text, or base64url of the JSON of an object.
    Text,
    /// Base64url of its JSON.
    Json,
}

/// A header that an admission sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetHeader {
    pub name: HeaderName,
    /// The complete value.
    pub value: String,
}

/// A claim header that an admission does not set, although the configuration maps a claim to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutHeader {
    pub name: HeaderName,
    pub cause: LeftOut,
}

/// Why a claim header is left out (CONTRACT 4.10.2, 4.10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeftOut {
    #[error("the token does not have the claim")]
    NotInToken,
    /// The claim of the scopes is neither a string nor an array of strings.
    #[error("the claim that carries the scopes is neither a string nor an array of strings")]
    NotScopes,
    #[error("the claim is empty")]
    Empty,
    #[error("the claim has a control character")]
    ControlCharacter,
    #[error("the claim begins or ends with a space")]
    OuterSpace,
    #[error("the value has {0} bytes; the limit is {MAX_VALUE}")]
    TooLong(usize),
    #[error("an element of the array contains the separator {0:?}")]
    SeparatorInElement(char),
    #[error("an element of the array is empty")]
    EmptyElement,
    #[error("an element of the array is null, an array or an object; `as: json` can carry it")]
    NestedElement,
    #[error(
        "the headers before it leave no room: all values together have at most {MAX_TOTAL} bytes"
    )]
    NoRoom,
}

impl ClaimHeaders {
    pub fn new(headers: Vec<ClaimHeader>) -> ClaimHeaders {
        ClaimHeaders(headers)
    }

    pub fn iter(&self) -> impl Iterator<Item = &ClaimHeader> {
        self.0.iter()
    }

    /// The headers that an admission of the token sets. An array of one of `scope_claims` is joined by a space.
    pub fn render(
        &self,
        token: &VerifiedToken,
        scope_claims: &[ClaimName],
        payload_header: Option<&HeaderName>,
    ) -> Vec<SetHeader> {
        let mut set = Vec::with_capacity(self.0.len() + 1);
        self.for_each(
            token.claims(),
            scope_claims,
            payload_header,
            |name, result| {
                if let Ok(value) = result {
                    let name = name.clone();
                    set.push(SetHeader { name, value });
                }
            },
        );
        set
    }

    /// The headers that [`ClaimHeaders::render`] leaves out, with the cause of each.
    pub fn left_out(
        &self,
        claims: &Claims,
        scope_claims: &[ClaimName],
        payload_header: Option<&HeaderName>,
    ) -> Vec<LeftOutHeader> {
        let mut left_out = Vec::new();
        self.for_each(claims, scope_claims, payload_header, |name, result| {
            if let Err(cause) = result {
                let name = name.clone();
                left_out.push(LeftOutHeader { name, cause });
            }
        });
        left_out
    }

    fn for_each(
        &self,
        claims: &Claims,
        scope_claims: &[ClaimName],
        payload_header: Option<&HeaderName>,
        mut take: impl FnMut(&HeaderName, Result<String, LeftOut>),
    ) {
        let mut total = 0;
        let mut fit = |value: String| {
            if total + value.len() > MAX_TOTAL {
                return Err(LeftOut::NoRoom);
            }
            total += value.len();
            Ok(value)
        };
        for header in &self.0 {
            let value = header.value(claims, scope_claims).and_then(&mut fit);
            take(&header.name, value);
        }
        if let Some(name) = payload_header {
            // A payload has exactly one base64url encoding, so this is the token's own segment.
            let payload = base64url::encode(claims.payload().as_bytes());
            take(name, fit(payload));
        }
    }
}

impl ClaimHeader {
    fn value(&self, claims: &Claims, scope_claims: &[ClaimName]) -> Result<String, LeftOut> {
        let Some((value, separator)) = self.claim.find(claims, scope_claims) else {
            return Err(self.claim.why_absent(claims, scope_claims));
        };
        let text = match self.form {
            ClaimForm::Json => base64url::encode(claims.raw(value).as_bytes()),
            ClaimForm::Text => text(claims, value, separator)?,
        };
        check_transport(&text)?;
        Ok(text)
    }
}

impl MappedClaim {
    /// The value of the claim, and the separator of its elements if it is an array.
    pub fn find<'a>(
        &self,
        claims: &'a Claims,
        scope_claims: &[ClaimName],
    ) -> Option<(&'a JsonValue, char)> {
        match self {
            MappedClaim::Scopes => {
                let value = scope::scope_value(claims.object(), scope_claims)?;
                Some((value, ' '))
            }
            MappedClaim::Named(name) => {
                let separator = if scope_claims.contains(name) {
                    ' '
                } else {
                    ','
                };
                Some((name.find(claims.object())?, separator))
            }
        }
    }

    fn why_absent(&self, claims: &Claims, scope_claims: &[ClaimName]) -> LeftOut {
        let carries_scopes = |name: &ClaimName| name.find(claims.object()).is_some();
        match self {
            MappedClaim::Scopes if scope_claims.iter().any(carries_scopes) => LeftOut::NotScopes,
            MappedClaim::Scopes | MappedClaim::Named(_) => LeftOut::NotInToken,
        }
    }

    /// The name of the claim in the configuration.
    pub fn label(&self) -> String {
        match self {
            MappedClaim::Scopes => "scopes".to_owned(),
            MappedClaim::Named(name) => name.to_string(),
        }
    }
}

fn text(claims: &Claims, value: &JsonValue, separator: char) -> Result<String, LeftOut> {
    match &value.kind {
        JsonKind::Object(_) => Ok(base64url::encode(claims.raw(value).as_bytes())),
        JsonKind::Array(elements) => {
            let mut joined = String::new();
            for (number, element) in elements.iter().enumerate() {
                let text = scalar(claims, element).ok_or(LeftOut::NestedElement)?;
                if text.is_empty() {
                    return Err(LeftOut::EmptyElement);
                }
                if text.contains(separator) {
                    return Err(LeftOut::SeparatorInElement(separator));
                }
                if number > 0 {
                    joined.push(separator);
                }
                joined.push_str(text);
            }
            Ok(joined)
        }
        JsonKind::Null | JsonKind::Bool(_) | JsonKind::Number | JsonKind::String(_) => {
            scalar(claims, value)
                .map(str::to_owned)
                .ok_or(LeftOut::NotInToken)
        }
    }
}

fn scalar<'a>(claims: &'a Claims, value: &'a JsonValue) -> Option<&'a str> {
    match &value.kind {
        JsonKind::String(text) => Some(text),
        // The token's own digits.
        JsonKind::Bool(_) | JsonKind::Number => Some(claims.raw(value)),
        JsonKind::Null | JsonKind::Array(_) | JsonKind::Object(_) => None,
    }
}

/// Whether the value reaches the upstream unchanged.
fn check_transport(text: &str) -> Result<(), LeftOut> {
    if text.is_empty() {
        Err(LeftOut::Empty)
    } else if text.len() > MAX_VALUE {
        Err(LeftOut::TooLong(text.len()))
    } else if text.chars().any(char::is_control) {
        Err(LeftOut::ControlCharacter)
    } else if text.starts_with(' ') || text.ends_with(' ') {
        Err(LeftOut::OuterSpace)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
