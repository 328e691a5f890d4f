//! What is known of an issuer's fetches: whether one may start for a token's sake, and what an unknown key means.
//!
//! Pure: time is an argument, and nothing here waits. CONTRACT section 5, "An unknown key".

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// Fetches for tokens' sake start at most once in this time, counted from their start.
pub const COOLDOWN: Duration = Duration::from_secs(10);

/// So many unknown key ids are remembered with the moment when each was first seen.
pub const REMEMBERED: usize = 1024;

/// The fetches of one issuer's keys, and the unknown key ids that were seen lately.
#[derive(Debug)]
pub struct Ledger {
    in_flight: Option<Flight>,
    latest: Option<Completed>,
    latest_success_start: Option<Instant>,
    latest_demand: Option<Instant>,
    left_alone_until: Option<Instant>,
    next_attempt: Instant,
    sightings: Sightings,
}

/// Why a fetch is made. A later variant includes what an earlier one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A token waits. An address that discovery returned before is used without asking again.
    Demand,
    /// The keys are due for a refresh.
    Refresh,
    /// The operator asked for it.
    Order,
}

/// A fetch that has begun.
#[derive(Clone, Copy, Debug)]
struct Flight {
    started: Instant,
    purpose: Purpose,
}

/// A fetch that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed {
    /// When it started.
    pub started: Instant,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A key set came, or the held one was confirmed.
    Succeeded,
    /// Neither.
    Failed,
}

/// What a token whose key is not held may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// A fetch is in flight: wait for it.
    Wait,
    /// A fetch was started for this token: wait for it, and see that it runs.
    WaitForNew,
    /// The key does not exist: a fetch that started after the key id was first seen succeeded and lacks it.
    Absent,
    /// Nobody can tell, since the latest fetch failed.
    Failed {
        /// Until the next attempt.
        retry_after: Duration,
    },
    /// Nobody can tell yet, and no fetch may start.
    Pending {
        /// Until a fetch may start.
        retry_after: Duration,
    },
}

impl Ledger {
    /// No fetch was made yet; the first is due at `now`.
    pub fn new(now: Instant) -> Ledger {
        Ledger {
            in_flight: None,
            latest: None,
            latest_success_start: None,
            latest_demand: None,
            left_alone_until: None,
            next_attempt: now,
            sightings: Sightings::default(),
        }
    }

    /// What a token with an unknown key id may do, and when that key id was first seen.
    pub fn rule_on_unknown_key(&mut self, key_id: &str, now: Instant) -> (Ruling, Instant) {
        let first_seen = self.sightings.first_seen(key_id, now);
        let looked_since = self
            .latest_success_start
            .is_some_and(|started| started >= first_seen);
        let ruling = if looked_since {
            Ruling::Absent
        } else {
            self.join_or_start(now).unwrap_or_else(|| {
                if self.latest_failed() {
                    Ruling::Failed {
                        retry_after: self.until_next_attempt(now),
                    }
                } else {
                    Ruling::Pending {
                        retry_after: self.cooldown_left(now),
                    }
                }
            })
        };
        (ruling, first_seen)
    }

    /// A fetch to wait for in the hope of other keys; `None` where none may start.
    pub fn join_or_start(&mut self, now: Instant) -> Option<Ruling> {
        if self.is_in_flight() {
            return Some(Ruling::Wait);
        }
        let cool = self.cooldown_left(now).is_zero();
        let left_alone = self.left_alone_until.is_some_and(|until| now < until);
        if !cool || left_alone {
            return None;
        }
        self.latest_demand = Some(now);
        self.in_flight = Some(Flight {
            started: now,
            purpose: Purpose::Demand,
        });
        Some(Ruling::WaitForNew)
    }

    /// Whether a fetch is in flight.
    pub fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// A fetch begins; answers when it started, which is earlier where somebody has asked for it already, and what it has
    /// to be good for.
    pub fn begin(&mut self, now: Instant, purpose: Purpose) -> (Instant, Purpose) {
        let flight = self.in_flight.get_or_insert(Flight {
            started: now,
            purpose,
        });
        flight.purpose = flight.purpose.max(purpose);
        (flight.started, flight.purpose)
    }

    /// An operator asks for a fetch; answers what the one in flight is good for, which may have begun before.
    pub fn order(&mut self, now: Instant) -> Purpose {
        let flight = self.in_flight.get_or_insert(Flight {
            started: now,
            purpose: Purpose::Order,
        });
        flight.purpose
    }

    /// The fetch in flight has ended.
    pub fn complete(
        &mut self,
        outcome: Outcome,
        next_attempt: Instant,
        leave_alone_until: Option<Instant>,
    ) -> Option<Completed> {
        let Flight { started, .. } = self.in_flight.take()?;
        let completed = Completed { started, outcome };
        if outcome == Outcome::Succeeded {
            self.latest_success_start = Some(started);
        }
        self.latest = Some(completed);
        self.next_attempt = next_attempt;
        self.left_alone_until = leave_alone_until;
        Some(completed)
    }

    /// Until the next attempt; zero while one is in flight.
    pub fn until_next_attempt(&self, now: Instant) -> Duration {
        if self.is_in_flight() {
            Duration::ZERO
        } else {
            self.next_attempt.saturating_duration_since(now)
        }
    }

    /// How long no fetch may start for a token's sake.
    pub fn cooldown_left(&self, now: Instant) -> Duration {
        self.latest_demand.map_or(Duration::ZERO, |started| {
            (started + COOLDOWN).saturating_duration_since(now)
        })
    }

    fn latest_failed(&self) -> bool {
        self.latest
            .is_some_and(|latest| latest.outcome == Outcome::Failed)
    }
}

// === impl Sightings ===

/// Bounded, and keyed by a seeded hash: a caller can neither fill the memory nor choose what collides.
#[derive(Debug, Default)]
struct Sightings {
    hasher: RandomState,
    seen: VecDeque<(u64, Instant)>,
}

impl Sightings {
    fn first_seen(&mut self, key_id: &str, now: Instant) -> Instant {
        while self
            .seen
            .front()
            .is_some_and(|(_, seen)| *seen + COOLDOWN <= now)
        {
            self.seen.pop_front();
        }
        let hash = self.hasher.hash_one(key_id);
        if let Some((_, seen)) = self.seen.iter().find(|(own, _)| *own == hash) {
            return *seen;
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back((hash, now));
        now
    }
}

#[cfg(test)]
mod tests;
