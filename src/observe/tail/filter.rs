//! Which decisions a follower of the tail receives.

use accredit_core::reason::{Decision, Reason};

use crate::observe::report::DecisionReport;

/// The maximum length of each list of a filter. A check waits while its decision is compared with them.
const MAX_NAMES: usize = 100;

/// A decision passes if each part that is set admits it. The default admits all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub decision: Option<Decision>,
    pub reasons: AnyOf<Reason>,
    /// Issuers as metrics label them, `none` and `unknown` included.
    pub issuers: AnyOf<Box<str>>,
    pub rules: AnyOf<Box<str>>,
    /// A prefix of the path as Envoy sent it.
    pub path_prefix: Option<Box<str>>,
}

/// The permitted values. An empty list permits every value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnyOf<T>(Vec<T>);

/// Why a filter is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("unknown decision {0:?}: use `allow`, `deny` or `shadow`")]
    Decision(String),
    #[error("unknown reason {given:?}: use one of {}", all_reasons())]
    Reason { given: String },
    #[error("a filter has at most {MAX_NAMES} reasons, {MAX_NAMES} issuers and {MAX_NAMES} rules")]
    TooMany,
}

impl Filter {
    pub fn admits(&self, report: &DecisionReport) -> bool {
        let record = &report.record;
        let path = report.request.as_ref().map_or("", |request| &request.path);
        self.decision
            .is_none_or(|decision| decision == record.decision())
            && self.reasons.admits(|own| *own == record.reason)
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
            0..=MAX_NAMES => Ok(AnyOf(members)),
            _ => Err(FilterError::TooMany),
        }
    }
}

/// The decision with that code.
///
/// # Errors
/// [`FilterError::Decision`]
pub fn decision(code: &str) -> Result<Decision, FilterError> {
    Decision::from_code(code).ok_or_else(|| FilterError::Decision(code.to_owned()))
}

/// The reason with that code.
///
/// # Errors
/// [`FilterError::Reason`]
pub fn reason(code: &str) -> Result<Reason, FilterError> {
    Reason::from_code(code).ok_or_else(|| FilterError::Reason {
        given: code.to_owned(),
    })
}

fn all_reasons() -> String {
    Reason::ALL.map(Reason::as_str).join(", ")
}
