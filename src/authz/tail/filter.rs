//! Which decisions somebody follows.

use std::fmt;

use crate::authz::asked::Asked;
use crate::authz::denial::CODES;
use crate::authz::record::Record;

/// Decisions are followed where every part that is set says so; the default follows all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Decided so.
    pub verdict: Option<Verdict>,
    /// For one of these reasons.
    pub reasons: Vec<Reason>,
    /// Of one of these issuers, as metrics label them: `none` and `unknown` are two of them.
    pub issuers: Vec<Box<str>>,
    /// By one of these rules.
    pub rules: Vec<Box<str>>,
    /// Of a path that begins so, as it was sent.
    pub path_prefix: Option<Box<str>>,
}

/// How it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict(&'static str);

/// The stable name of why it was decided so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(&'static str);

/// A word that no decision has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterError {
    /// Decisions are `allow` and `deny`.
    Verdict(String),
    /// There is no such reason.
    Reason(String),
}

impl Filter {
    /// Whether that decision is followed.
    pub fn admits(&self, record: &Record<'_>, asked: Option<&Asked<'_>>) -> bool {
        let names = |names: &[Box<str>], name: &str| {
            names.is_empty() || names.iter().any(|own| **own == *name)
        };
        let path = asked.map_or("", |asked| asked.path);
        self.verdict
            .is_none_or(|Verdict(verdict)| verdict == record.decision)
            && (self.reasons.is_empty() || self.reasons.contains(&Reason(record.reason)))
            && names(&self.issuers, record.issuer_label())
            && names(&self.rules, record.rule)
            && self
                .path_prefix
                .as_deref()
                .is_none_or(|prefix| path.starts_with(prefix))
    }
}

impl TryFrom<&str> for Verdict {
    type Error = FilterError;

    fn try_from(text: &str) -> Result<Verdict, FilterError> {
        let known = ["allow", "deny"].into_iter().find(|known| *known == text);
        known
            .map(Verdict)
            .ok_or_else(|| FilterError::Verdict(text.to_owned()))
    }
}

impl TryFrom<&str> for Reason {
    type Error = FilterError;

    fn try_from(text: &str) -> Result<Reason, FilterError> {
        let mut all = CODES.into_iter().chain(["allowed", "anonymous"]);
        all.find(|known| *known == text)
            .map(Reason)
            .ok_or_else(|| FilterError::Reason(text.to_owned()))
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FilterError::Verdict(text) => {
                write!(f, "a decision is `allow` or `deny`, and not {text:?}")
            }
            FilterError::Reason(text) => write!(
                f,
                "no decision has the reason {text:?}; there are allowed, anonymous, {}",
                CODES.join(", ")
            ),
        }
    }
}

impl std::error::Error for FilterError {}
