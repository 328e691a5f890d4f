//! Told of each decision once it is made; tells metrics.

use std::sync::Arc;
use std::time::Duration;

use crate::authz::decision::Decision;
use crate::authz::metrics::DecisionMetrics;
use crate::authz::record::Record;

/// What happens to each decision of a process, whatever configuration made it.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    /// What is counted.
    pub metrics: Arc<DecisionMetrics>,
}

impl Observer {
    /// Tells of a decision.
    pub fn decided(&self, decision: &Decision, took: Duration) {
        let record = Record::of(decision);
        self.metrics.count(&record, took);
    }
}
