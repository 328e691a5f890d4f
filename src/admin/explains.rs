//! The interface through which the admin API explains decisions.

use crate::admin::pb;
use crate::observe::report::DecisionReport;

/// Explains decisions by the configuration in force. Explaining has no side effects.
pub trait Explains: Send + Sync {
    /// Decides the request by the keys that are held now.
    fn explain(&self, request: pb::ExplainRequest) -> pb::Explanation;

    /// Why a request was denied; `None` if the configuration that denied it is no longer in force.
    fn explain_refusal(&self, report: &DecisionReport) -> Option<pb::Explanation>;
}
