//! Decisions of the last five minutes by reason, in steps of five seconds: whoever opens the console sees at once what
//! happened before.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::observe::decision_metrics::DecisionMetrics;
use crate::reason::Reason;

/// From one step to the next.
pub const STEP: Duration = Duration::from_secs(5);

/// So many are kept: five minutes.
pub const KEPT: usize = 60;

/// So many of the latest make up what is "now".
const NOW: usize = 2;

/// The steps of one process.
#[derive(Debug, Default)]
pub struct History(Mutex<Steps>);

#[derive(Debug, Default)]
struct Steps {
    counted: BTreeMap<Reason, u64>,
    kept: VecDeque<Step>,
}

#[derive(Debug)]
struct Step {
    took: Duration,
    decided: BTreeMap<Reason, u64>,
}

/// One outcome in the last five minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Which.
    pub reason: Reason,
    /// Decisions per second in the last ten seconds.
    pub per_second: f64,
    /// Decisions in all steps.
    pub total: u64,
    /// Decisions in each step, the oldest first.
    pub steps: Vec<u64>,
}

/// What is kept, as it is at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// How long each step took, the oldest first.
    pub took: Vec<Duration>,
    /// Those outcomes that there were, admissions first.
    pub lines: Vec<Line>,
}

impl History {
    /// Looks at the counters from time to time; never ends.
    pub async fn keep(&self, metrics: &DecisionMetrics) {
        let mut ticks = interval_at(Instant::now() + STEP, STEP);
        // After a long pause there is one long step, and not many that are empty.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = Instant::now();
        self.start(metrics.by_reason());
        loop {
            ticks.tick().await;
            let now = Instant::now();
            self.step(metrics.by_reason(), now.saturating_duration_since(before));
            before = now;
        }
    }

    /// What is kept now.
    pub fn kept(&self) -> Kept {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes = steps.kept.iter().flat_map(|step| step.decided.keys());
        let outcomes: std::collections::BTreeSet<Reason> = outcomes.copied().collect();
        Kept {
            took: steps.kept.iter().map(|step| step.took).collect(),
            lines: outcomes
                .into_iter()
                .map(|outcome| steps.line(outcome))
                .collect(),
        }
    }

    fn start(&self, counted: BTreeMap<Reason, u64>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counted = counted;
    }

    fn step(&self, counted: BTreeMap<Reason, u64>, took: Duration) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grown = |(outcome, count): (&Reason, &u64)| {
            let before = steps.counted.get(outcome).copied().unwrap_or_default();
            // A counter becomes smaller where a reload has taken a rule away.
            let grown = count.saturating_sub(before);
            (grown > 0).then_some((*outcome, grown))
        };
        let decided = counted.iter().filter_map(grown).collect();
        steps.counted = counted;
        steps.kept.push_back(Step { took, decided });
        if steps.kept.len() > KEPT {
            steps.kept.pop_front();
        }
    }
}

impl Steps {
    fn line(&self, outcome: Reason) -> Line {
        let count = |step: &Step| step.decided.get(&outcome).copied().unwrap_or_default();
        let steps: Vec<u64> = self.kept.iter().map(count).collect();
        let latest = || self.kept.iter().rev().take(NOW);
        let seconds: f64 = latest().map(|step| step.took.as_secs_f64()).sum();
        let decided: u64 = latest().map(count).sum();
        Line {
            reason: outcome,
            per_second: if seconds > 0.0 {
                decided as f64 / seconds
            } else {
                0.0
            },
            total: steps.iter().sum(),
            steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: Reason = Reason::Allowed;

    fn counted(count: u64) -> BTreeMap<Reason, u64> {
        BTreeMap::from([(ALLOWED, count)])
    }

    #[test]
    fn steps_hold_what_was_decided_in_them_and_the_oldest_go() {
        let history = History::default();
        history.start(counted(1000));
        for count in [1000, 1010, 1014, 4, 8] {
            history.step(counted(count), STEP);
        }
        let kept = history.kept();
        assert_eq!(kept.took, [STEP; 5]);
        let [line] = &kept.lines[..] else {
            panic!("{kept:?}")
        };
        assert_eq!(line.steps, [0, 10, 4, 0, 4]);
        assert_eq!((line.total, line.per_second), (18, 0.4));
        for _ in 0..KEPT {
            history.step(counted(8), STEP);
        }
        assert_eq!(history.kept().took.len(), KEPT);
        assert_eq!(history.kept().lines, []);
    }
}
