//! What the admin API needs of whoever can explain a decision.

use std::sync::Arc;

use crate::admin::pb;
use crate::observe::report::DecisionReport;

/// Explains decisions by the configuration in force, and changes nothing.
pub trait Explains: Send + Sync {
    /// What would be decided of that request now.
    fn explain(&self, ask: pb::ExplainRequest) -> pb::Explanation;

    /// Why that request was refused; `None` if the configuration that refused it is no longer in force.
    fn explain_refusal(&self, report: &DecisionReport) -> Option<pb::Explanation>;
}

/// One that is shared.
pub type Explainer = Arc<dyn Explains>;
