//! Claims to header values, of every JSON type; what cannot be said safely in a header is left out.

use crate::forward::header_name::HeaderName;
use crate::jose::base64url;
use crate::jose::json::{JsonKind, JsonValue};
use crate::token::claim_name::ClaimName;
use crate::token::claims::Claims;
use crate::token::scope;
use crate::token::verified::VerifiedToken;

/// One value is at most this long, in bytes.
pub const MAX_VALUE: usize = 8 * 1024;

/// All values and the payload together are at most this long, in bytes.
pub const MAX_TOTAL: usize = 24 * 1024;

/// Which headers tell the upstream of which claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimHeaders(Vec<ClaimHeader>);

/// A header and the claim that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    /// The header.
    pub name: HeaderName,
    /// The claim.
    pub claim: MappedClaim,
    /// How the claim is written.
    pub form: ClaimForm,
}

/// A claim that a header carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappedClaim {
    /// The token's scopes, whichever claim carries them.
    Scopes,
    /// That claim.
    Named(ClaimName),
}

/// How a claim is written into a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimForm {
    /// As text, where its type allows; an object as base64url of its JSON.
    Text,
    /// Always as base64url of its JSON.
    Json,
}

/// A header that an admission sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetHeader {
    /// The header.
    pub name: HeaderName,
    /// Its whole value.
    pub value: String,
}

impl ClaimHeaders {
    /// In the configuration's order.
    pub fn new(headers: Vec<ClaimHeader>) -> ClaimHeaders {
        ClaimHeaders(headers)
    }

    /// Each header with its claim.
    pub fn iter(&self) -> impl Iterator<Item = &ClaimHeader> {
        self.0.iter()
    }

    /// What a token lets the upstream be told. `scope_claims` are those whose arrays are joined by a space.
    pub fn render(
        &self,
        token: &VerifiedToken,
        scope_claims: &[String],
        payload_header: Option<&HeaderName>,
    ) -> Vec<SetHeader> {
        let claims = token.claims();
        let mut total = 0;
        let mut set = Vec::with_capacity(self.0.len() + 1);
        let mut add = |name: &HeaderName, value: String| {
            if total + value.len() <= MAX_TOTAL {
                total += value.len();
                set.push(SetHeader {
                    name: name.clone(),
                    value,
                });
            }
        };
        for header in &self.0 {
            if let Some(value) = header.value(claims, scope_claims) {
                add(&header.name, value);
            }
        }
        if let Some(name) = payload_header {
            // A payload has one base64url text only, so this is the token's own segment.
            add(name, base64url::encode(claims.payload().as_bytes()));
        }
        set
    }
}

impl ClaimHeader {
    fn value(&self, claims: &Claims, scope_claims: &[String]) -> Option<String> {
        let (value, separator) = self.claim.find(claims, scope_claims)?;
        let text = match self.form {
            ClaimForm::Json => base64url::encode(claims.raw(value).as_bytes()),
            ClaimForm::Text => text(claims, value, separator)?,
        };
        is_safe(&text).then_some(text)
    }
}

impl MappedClaim {
    /// The claim's value, and what joins it if it is an array.
    pub fn find<'a>(
        &self,
        claims: &'a Claims,
        scope_claims: &[String],
    ) -> Option<(&'a JsonValue, char)> {
        match self {
            MappedClaim::Scopes => {
                let value = scope::told(claims.object(), scope_claims)?;
                Some((value, ' '))
            }
            MappedClaim::Named(name) => {
                let is_scope_claim = name
                    .as_single()
                    .is_some_and(|name| scope_claims.iter().any(|own| own == name));
                Some((
                    name.find(claims.object())?,
                    if is_scope_claim { ' ' } else { ',' },
                ))
            }
        }
    }

    /// The claim as it is named in the configuration.
    pub fn label(&self) -> String {
        match self {
            MappedClaim::Scopes => "scopes".to_owned(),
            MappedClaim::Named(name) => name.to_string(),
        }
    }
}

fn text(claims: &Claims, value: &JsonValue, separator: char) -> Option<String> {
    match &value.kind {
        JsonKind::Null => None,
        JsonKind::Object(_) => Some(base64url::encode(claims.raw(value).as_bytes())),
        JsonKind::Array(elements) => {
            let mut joined = String::new();
            for (number, element) in elements.iter().enumerate() {
                let text = scalar(claims, element)
                    .filter(|text| !text.is_empty() && !text.contains(separator))?;
                if number > 0 {
                    joined.push(separator);
                }
                joined.push_str(text);
            }
            Some(joined)
        }
        JsonKind::Bool(_) | JsonKind::Number | JsonKind::String(_) => {
            scalar(claims, value).map(str::to_owned)
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

/// Whether a value arrives at the upstream as it was sent.
fn is_safe(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_VALUE
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
