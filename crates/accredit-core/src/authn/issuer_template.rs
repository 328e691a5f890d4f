//! Issuers with a placeholder: `https://login.microsoftonline.com/{tid}/v2.0` (CONTRACT 8.2).
//!
//! The placeholder stands for one whole segment of the path, or one whole label of the host. The token's claim of that name has
//! to equal it. No address is made from it.

use std::fmt;

use crate::token::claim_name::ClaimName;

/// An issuer with one placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuerTemplate {
    before: String,
    claim: ClaimName,
    after: String,
    place: PlaceholderPlace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlaceholderPlace {
    Host,
    Path,
}

/// Why a text with braces is not an issuer with a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerTemplateError {
    #[error("an issuer has at most one placeholder, such as {{tid}}")]
    NotOnePlaceholder,
    #[error("the placeholder is not the name of a claim")]
    NotAClaimName,
    #[error("an issuer with a placeholder is an https URL")]
    NotAUrl,
    #[error("the placeholder is not a whole segment of the path or a whole label of the host")]
    NotASegment,
}

/// The longest `iss` that is compared with templates, in bytes.
const MAX_ISSUER: usize = 2048;

/// The maximum number of segments of an `iss` that are tried as the value of the placeholder.
const MAX_SEGMENTS: usize = 32;

impl IssuerTemplate {
    /// `None` if the text has no braces: it is then compared character by character.
    ///
    /// # Errors
    /// [`IssuerTemplateError`]
    pub fn parse(text: &str) -> Result<Option<IssuerTemplate>, IssuerTemplateError> {
        if !text.contains(['{', '}']) {
            return Ok(None);
        }
        let parts = text.split_once('{').and_then(|(before, rest)| {
            let (claim, after) = rest.split_once('}')?;
            let has_more = |part: &str| part.contains(['{', '}']);
            (![before, claim, after].into_iter().any(has_more)).then_some((before, claim, after))
        });
        let (before, claim, after) = parts.ok_or(IssuerTemplateError::NotOnePlaceholder)?;
        let is_of_name =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let claim = ClaimName::dotted(claim)
            .ok()
            .filter(|_| claim.bytes().all(is_of_name))
            .ok_or(IssuerTemplateError::NotAClaimName)?;
        let host_onwards = before
            .strip_prefix("https://")
            .or_else(|| before.strip_prefix("http://"))
            .ok_or(IssuerTemplateError::NotAUrl)?;
        if text.contains(['?', '#', '@']) || host_onwards.starts_with('/') {
            return Err(IssuerTemplateError::NotAUrl);
        }
        let place = match host_onwards.contains('/') {
            true => PlaceholderPlace::Path,
            false => PlaceholderPlace::Host,
        };
        let is_whole = match place {
            PlaceholderPlace::Path => {
                before.ends_with('/') && (after.is_empty() || after.starts_with('/'))
            }
            // The host needs a label after the placeholder. Otherwise the placeholder would stand for a whole top-level domain.
            PlaceholderPlace::Host => {
                let begins = host_onwards.is_empty() || host_onwards.ends_with('.');
                let rest = after.strip_prefix('.').unwrap_or_default();
                begins && rest.starts_with(|c: char| c.is_ascii_alphanumeric())
            }
        };
        if !is_whole {
            return Err(IssuerTemplateError::NotASegment);
        }
        Ok(Some(IssuerTemplate {
            before: before.to_owned(),
            claim,
            after: after.to_owned(),
            place,
        }))
    }

    /// The claim that has to equal the segment.
    pub fn claim(&self) -> &ClaimName {
        &self.claim
    }

    /// The issuer of a tenant. `None` if the tenant's name cannot be a segment.
    pub fn issuer_of(&self, tenant: &str) -> Option<String> {
        self.place
            .can_be(tenant)
            .then(|| format!("{}{tenant}{}", self.before, self.after))
    }

    /// The segment of an `iss` at the place of the placeholder. `None` if another part of the `iss` differs, or the
    /// text there cannot be a segment.
    pub fn tenant_of<'a>(&self, issuer: &'a str) -> Option<&'a str> {
        issuer
            .strip_prefix(self.before.as_str())
            .and_then(|rest| rest.strip_suffix(self.after.as_str()))
            .filter(|tenant| self.place.can_be(tenant))
    }

    /// Templates with one shape accept the same texts.
    pub fn shape(&self) -> String {
        shape(&self.before, &self.after)
    }
}

impl PlaceholderPlace {
    /// Permits only characters that need no encoding, so that a segment has one form.
    fn can_be(self, tenant: &str) -> bool {
        let is_allowed = |byte: u8| match self {
            PlaceholderPlace::Host => byte.is_ascii_alphanumeric() || byte == b'-',
            PlaceholderPlace::Path => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
            }
        };
        !matches!(tenant, "" | "." | "..") && tenant.bytes().all(is_allowed)
    }
}

/// The shapes of all templates that can accept this `iss`: each segment in turn is replaced by the placeholder.
pub(in crate::authn) fn shapes(issuer: &str) -> impl Iterator<Item = String> {
    let authority = issuer.find("://").map(|scheme| scheme + 3);
    let start = authority
        .filter(|_| issuer.len() <= MAX_ISSUER)
        .unwrap_or(issuer.len());
    let authority_end = issuer
        .get(start..)
        .and_then(|rest| rest.find('/'))
        .map_or(issuer.len(), |end| start + end);
    let ends = issuer.char_indices().filter(move |(at, c)| match at {
        at if *at < start => false,
        at if *at < authority_end => matches!(c, '.' | ':'),
        _ => *c == '/',
    });
    let ends = ends.map(|(at, _)| at).chain([issuer.len()]);
    let mut begin = start;
    ends.take(MAX_SEGMENTS).filter_map(move |end| {
        let segment = begin..end;
        begin = end + 1;
        let (before, after) = (issuer.get(..segment.start)?, issuer.get(segment.end..)?);
        (segment.start < segment.end).then(|| shape(before, after))
    })
}

fn shape(before: &str, after: &str) -> String {
    // No issuer has a brace, which is not a character of a URL.
    format!("{before}{{}}{after}")
}

impl fmt::Display for IssuerTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{{}}}{}", self.before, self.claim, self.after)
    }
}

impl fmt::Debug for IssuerTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
