//! Wrong answers to honest checks: what they said, and what happened at that time.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::caller::Answered;
use crate::report::Report;

/// A check counts as one of a reload if it ended later than the reload began and began at most this much later.
const RELOAD_PHASE: Duration = Duration::from_secs(1);

/// The same for a rotation, which the service knows after its next refresh.
const ROTATION_PHASE: Duration = Duration::from_secs(10);

/// Collects the wrong answers of a run.
pub(crate) struct WrongAnswers {
    begun: Instant,
    state: Mutex<WrongState>,
}

#[derive(Default)]
struct WrongState {
    load: Option<Instant>,
    reload: Option<Instant>,
    rotation: Option<Instant>,
    counts: BTreeMap<WrongKind, WrongCount>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct WrongKind {
    answer: String,
    caller: &'static str,
    phase: &'static str,
}

struct WrongCount {
    number: u64,
    first: Duration,
    last: Duration,
    slowest: Duration,
}

impl WrongAnswers {
    pub(crate) fn new() -> WrongAnswers {
        WrongAnswers {
            begun: Instant::now(),
            state: Mutex::default(),
        }
    }

    pub(crate) fn load_begins(&self) {
        self.state.lock().unwrap().load = Some(Instant::now());
    }

    pub(crate) fn reload_begins(&self) {
        self.state.lock().unwrap().reload = Some(Instant::now());
    }

    pub(crate) fn rotation_begins(&self) {
        self.state.lock().unwrap().rotation = Some(Instant::now());
    }

    /// Adds a wrong answer to a check that began at that time.
    pub(crate) fn add(&self, caller: &'static str, check_begun: Instant, answer: &Answered) {
        let latency = check_begun.elapsed();
        let at = self.begun.elapsed();
        let mut state = self.state.lock().unwrap();
        let kind = WrongKind {
            answer: answer.to_string(),
            caller,
            phase: state.phase(check_begun),
        };
        let count = state.counts.entry(kind).or_insert(WrongCount {
            number: 0,
            first: at,
            last: at,
            slowest: latency,
        });
        count.number += 1;
        count.last = at;
        count.slowest = count.slowest.max(latency);
    }

    fn number(&self) -> u64 {
        let state = self.state.lock().unwrap();
        state.counts.values().map(|count| count.number).sum()
    }

    /// Requires that there is none, and adds a row for each answer, caller and phase.
    pub(crate) fn report(&self, report: &mut Report) {
        let number = self.number();
        report.require("every honest answer is correct", number == 0, number);
        for (kind, count) in &self.state.lock().unwrap().counts {
            let WrongKind {
                answer,
                caller,
                phase,
            } = kind;
            let (first, last) = (count.first.as_secs_f64(), count.last.as_secs_f64());
            let name = format!("wrong answers to the {caller} {phase}: {answer}");
            let slowest = count.slowest.as_millis();
            report.fact(
                &name,
                format!(
                    "{} from {first:.1} s to {last:.1} s, the slowest after {slowest} ms",
                    count.number
                ),
            );
        }
    }
}

impl WrongState {
    fn phase(&self, check_begun: Instant) -> &'static str {
        let during = |event: Option<Instant>, length| {
            event.is_some_and(|event| check_begun <= event + length)
        };
        let reload = during(self.reload, RELOAD_PHASE);
        match (reload, during(self.rotation, ROTATION_PHASE)) {
            (true, true) => "during a reload after a rotation",
            (true, false) => "during a reload",
            (false, true) => "after a rotation",
            (false, false) if self.load.is_some() => "during the load",
            (false, false) => "at rest",
        }
    }
}
