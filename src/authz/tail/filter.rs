//! Which decisions somebody follows.

use std::fmt;

use crate::authz::asked::Asked;
use crate::authz::denial::CODES;
use crate::authz::record::Record;

/// The longest list of a filter.
const MOST_NAMES: usize = 100;

/// Decisions are followed where every part that is set says so; the default follows all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Decided so.
    pub verdict: Option<Verdict>,
    /// For one of these reasons.
    pub reasons: AnyOf<Reason>,
    /// Of one of these issuers, as metrics label them: `none` and `unknown` are two of them.
    pub issuers: AnyOf<Box<str>>,
    /// By one of these rules.
    pub rules: AnyOf<Box<str>>,
    /// Of a path that begins so, as it was sent.
    pub path_prefix: Option<Box<str>>,
}

/// One of these, or whatever where there are none. They are few: a check is held up for as long as it takes to compare
/// its decision with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnyOf<T>(Vec<T>);

/// How it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict(&'static str);

/// The stable name of why it was decided so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(&'static str);

/// A filter that nobody can follow by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterError {
    /// Decisions are `allow` and `deny`.
    Verdict(String),
    /// There is no such reason.
    Reason(String),
    /// A list is longer than 100.
    TooMany,
}

impl Filter {
    /// Whether that decision is followed.
    pub fn admits(&self, record: &Record<'_>, asked: Option<&Asked<'_>>) -> bool {
        let path = asked.map_or("", |asked| asked.path);
        self.verdict
            .is_none_or(|Verdict(verdict)| verdict == record.decision)
            && self.reasons.admits(|own| own.0 == record.reason)
            && self.issuers.admits(|own| **own == *record.issuer_label())
            && self.rules.admits(|own| **own == *record.rule)
            && self
                .path_prefix
                .as_deref()
                .is_none_or(|prefix| path.starts_with(prefix))
    }
}

impl<T> AnyOf<T> {
    fn admits(&self, is_it: impl Fn(&T) -> bool) -> bool {
        self.0.is_empty() || self.0.iter().any(is_it)
    }
}

impl<T> Default for AnyOf<T> {
    fn default() -> AnyOf<T> {
        AnyOf(Vec::new())
    }
}

impl<T> TryFrom<Vec<T>> for AnyOf<T> {
    type Error = FilterError;

    fn try_from(members: Vec<T>) -> Result<AnyOf<T>, FilterError> {
        match members.len() {
            0..=MOST_NAMES => Ok(AnyOf(members)),
            _ => Err(FilterError::TooMany),
        }
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
            FilterError::TooMany => write!(
                f,
                "a filter has at most {MOST_NAMES} reasons, {MOST_NAMES} issuers and {MOST_NAMES} rules"
            ),
        }
    }
}

impl std::error::Error for FilterError {}
