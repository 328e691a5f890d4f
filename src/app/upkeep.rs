//! What a service does besides checks as long as it runs: it follows its certificates, and reports at intervals.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use accredit_core::authz::authorizer::Authorizer;
use futures_util::FutureExt as _;

use crate::app::trials;
use crate::console::history::History;
use crate::envoy::current::Current;
use crate::observe::decision_metrics::DecisionMetrics;
use crate::observe::refusal_log::RefusalLog;
use crate::server::tls::{ServerTls, follow_all};
use crate::supervision::keep_running;

/// The interval of the log lines that count the denials that the rate limit left out.
const LEFT_OUT_INTERVAL: Duration = Duration::from_secs(10);

/// The parts of a service that need it.
#[derive(Clone)]
pub(crate) struct Upkeep<'a> {
    pub(crate) certificates: Vec<Arc<ServerTls>>,
    pub(crate) refusals: &'a RefusalLog,
    pub(crate) current: &'a Current<Authorizer>,
    pub(crate) history: &'a History,
    pub(crate) decisions: &'a DecisionMetrics,
}

impl Upkeep<'_> {
    /// Never ends. A panic of one part ends neither the process nor another part.
    pub(crate) async fn run(&self) -> Infallible {
        let [mut certificates, mut refusals, mut trials, mut history] =
            [(); 4].map(|()| self.clone());
        let (never, ..) = tokio::join!(
            keep_running("certificates", &mut certificates, |own| {
                follow_all(own.certificates.clone()).boxed()
            }),
            keep_running("report of omitted denials", &mut refusals, |own| {
                report_left_out(own.refusals).boxed()
            }),
            keep_running("report of trials", &mut trials, |own| {
                trials::report_daily(own.current).boxed()
            }),
            keep_running("history of decisions", &mut history, |own| {
                own.history.keep(own.decisions).boxed()
            }),
        );
        never
    }
}

async fn report_left_out(refusals: &RefusalLog) -> Infallible {
    loop {
        tokio::time::sleep(LEFT_OUT_INTERVAL).await;
        refusals.report_left_out();
    }
}
