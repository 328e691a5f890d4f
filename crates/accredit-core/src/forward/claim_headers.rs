//! Claim headers: the headers to the upstream that carry claims of a verified token (CONTRACT 4.10).

use std::borrow::Cow;
use std::fmt;

use crate::expression::Expression;
use crate::expression::variables::Variables;
use crate::forward::claim_text;
use crate::forward::expression_value;
use crate::forward::header_name::HeaderName;
use crate::forward::json_text;
use crate::forward::left_out::{LeftOut, MAX_TOTAL, check_transport};
use crate::jose::base64url;
use crate::jose::json::value::JsonValue;
use crate::token::claim_name::ClaimName;
use crate::token::claims::Claims;
use crate::token::scope::{self, ScopeRanges};

/// The claim headers of an issuer entry, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimHeaders(Vec<ClaimHeader>);

/// A header and the value that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    pub name: HeaderName,
    pub value: HeaderContent,
}

/// The value of a header: one claim, or what an expression makes of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderContent {
    Claim(MappedClaim, ClaimForm),
    /// Evaluated once per verified token. It can name the variables of a token only.
    Expression(Expression),
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
    /// Its JSON as ASCII text.
    JsonText,
}

/// The headers that an admission of one token sets.
pub struct SetHeaders {
    /// One value after the other.
    values: Box<str>,
    headers: Box<[SetHeader]>,
}

/// The name of a header, and where its value ends. It begins where the one before ends.
struct SetHeader {
    name: HeaderName,
    end: u32,
}

/// A claim header that an admission does not set, although the configuration maps a claim to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutHeader {
    pub name: HeaderName,
    pub cause: LeftOut,
}

impl ClaimHeaders {
    pub fn new(headers: Vec<ClaimHeader>) -> ClaimHeaders {
        ClaimHeaders(headers)
    }

    pub fn iter(&self) -> impl Iterator<Item = &ClaimHeader> {
        self.0.iter()
    }

    /// The headers that an admission of a token with these claims sets. An array of one of `scope_claims` is joined by a space.
    pub fn render(
        &self,
        claims: &Claims,
        scope_claims: &[ClaimName],
        payload_header: Option<&HeaderName>,
    ) -> SetHeaders {
        let mut values = String::with_capacity(claims.payload().len());
        let mut headers = Vec::with_capacity(self.0.len() + 1);
        self.for_each(claims, scope_claims, payload_header, |name, result| {
            if let Ok(value) = result {
                values.push_str(&value);
                headers.push(SetHeader {
                    name: name.clone(),
                    // The values together have at most `MAX_TOTAL` bytes.
                    end: values.len() as u32,
                });
            }
        });
        SetHeaders {
            values: values.as_str().into(),
            headers: headers.into(),
        }
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
        mut take: impl FnMut(&HeaderName, Result<Cow<'_, str>, LeftOut>),
    ) {
        let mut total = 0;
        let mut fit = |value: &str| {
            if total + value.len() > MAX_TOTAL {
                return Err(LeftOut::NoRoom);
            }
            total += value.len();
            Ok(())
        };
        for header in &self.0 {
            let value = header.value.text(claims, scope_claims);
            let value = value.and_then(|value| fit(&value).map(|()| value));
            take(&header.name, value);
        }
        if let Some(name) = payload_header {
            // A payload has exactly one base64url encoding, so this is the token's own segment.
            let payload = base64url::encode(claims.payload().as_bytes());
            take(name, fit(&payload).map(|()| payload.into()));
        }
    }
}

impl SetHeaders {
    /// The name and the value of each header.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &str)> {
        self.headers.iter().scan(0, |start, header| {
            let end = header.end as usize;
            let value = self.values.get(*start..end)?;
            *start = end;
            Some((&header.name, value))
        })
    }

    /// Whether the header of this name is one of them.
    pub(crate) fn contains(&self, name: &str) -> bool {
        let mut headers = self.headers.iter();
        headers.any(|header| header.name.as_str() == name)
    }

    /// The memory that they occupy beside their own size, in bytes.
    pub(crate) fn heap_weight(&self) -> usize {
        self.values.len() + size_of_val(&*self.headers)
    }
}

impl fmt::Debug for SetHeaders {
    /// Shows no value: they are claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetHeaders({})", self.headers.len())
    }
}

impl HeaderContent {
    /// The claim, if the value is one.
    pub fn claim(&self) -> Option<&MappedClaim> {
        match self {
            HeaderContent::Claim(claim, _) => Some(claim),
            HeaderContent::Expression(_) => None,
        }
    }

    fn text<'a>(
        &self,
        claims: &'a Claims,
        scope_claims: &[ClaimName],
    ) -> Result<Cow<'a, str>, LeftOut> {
        let text = match self {
            HeaderContent::Claim(claim, form) => claim.text(*form, claims, scope_claims)?,
            HeaderContent::Expression(expression) => {
                let scopes = ScopeRanges::read(claims, scope_claims);
                let variables = Variables {
                    request: None,
                    claims: Some(claims),
                    scopes: scopes.of(claims).iter().collect(),
                    issuer: claims.issuer().unwrap_or_default(),
                };
                expression_value::text(&expression.evaluate(&variables)?)?.into()
            }
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
    ) -> Option<(JsonValue<'a>, char)> {
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

    fn text<'a>(
        &self,
        form: ClaimForm,
        claims: &'a Claims,
        scope_claims: &[ClaimName],
    ) -> Result<Cow<'a, str>, LeftOut> {
        let Some((value, separator)) = self.find(claims, scope_claims) else {
            return Err(self.why_absent(claims, scope_claims));
        };
        match form {
            ClaimForm::Json => Ok(base64url::encode(value.raw().as_bytes()).into()),
            ClaimForm::JsonText => Ok(json_text::header_text(value.raw()).into()),
            ClaimForm::Text => claim_text::of_claim(value, separator),
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
    pub fn label(&self) -> Cow<'_, str> {
        match self {
            MappedClaim::Scopes => Cow::Borrowed("scopes"),
            MappedClaim::Named(name) => name.text(),
        }
    }
}

#[cfg(test)]
mod tests;
