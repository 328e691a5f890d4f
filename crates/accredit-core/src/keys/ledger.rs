//! The fetches of one issuer entry: whether a token may start one, and what an unknown key means (CONTRACT 5.3, 5.4).
//! Time is an argument, and nothing here waits.

use std::time::{Duration, Instant};

use crate::keys::ledger::sightings::Sightings;
use crate::trace::TraceParent;

mod sightings;

/// Token-triggered fetches of one kind start at most once in this time, counted from their start (CONTRACT 5.3.8).
pub(crate) const COOLDOWN: Duration = Duration::from_secs(10);

/// The fetches of one issuer entry, and the unknown key ids that were seen within the cooldown.
#[derive(Debug)]
pub(crate) struct Ledger {
    in_flight: Option<Flight>,
    latest: Option<CompletedFetch>,
    /// The trace of the first check that waited for the latest fetch.
    latest_trace: Option<TraceParent>,
    completed: u64,
    latest_success_start: Option<Instant>,
    cooldowns: Cooldowns,
    retry_after_until: Option<Instant>,
    next_attempt: Instant,
    sightings: Sightings,
}

/// Why a fetch is made. Each variant also does what the variants before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A token waits. The address that discovery returned before is used without another discovery.
    Demand,
    /// The keys are due for a refresh.
    Refresh,
    /// The operator requested it.
    Order,
}

/// The kind of a token-triggered fetch. Each kind has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// The token's key id is unknown (CONTRACT 5.3).
    UnknownKey,
    /// The held keys did not verify the token, and its key id does not show whether newer ones would (CONTRACT 5.4).
    SecondVerification,
}

#[derive(Debug)]
struct Flight {
    started: Instant,
    purpose: Purpose,
    /// The trace of the first check that waits for this fetch.
    trace: Option<TraceParent>,
}

/// When the latest fetch of each trigger started.
#[derive(Debug, Default)]
struct Cooldowns {
    unknown_key: Option<Instant>,
    second_verification: Option<Instant>,
}

/// A fetch that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompletedFetch {
    pub started: Instant,
    pub result: FetchResult,
}

/// How a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchResult {
    /// A key set arrived, or the issuer confirmed the held one.
    Succeeded,
    Failed,
}

/// Whether a fetch is in flight that a token can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A fetch was already in flight.
    Joined,
    /// This call started a fetch, which the refresher has to run.
    Started,
}

/// Why a key is missing, as far as accredit can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKey {
    /// The issuer has no such key.
    Unknown,
    /// The key with the token's `kid` does not fit the token's `alg`, or is set aside (CONTRACT 5.2.3).
    Unfit,
    /// The maximum number of keys was tried and none verifies the token. This number of further keys fits (CONTRACT 5.2.2).
    Untried(usize),
    /// No fetch has succeeded yet, or the last-known-good keys are older than `max_stale` (CONTRACT 4.8.1).
    NoKeys {
        /// Until the next attempt.
        retry_after: Duration,
    },
    /// The issuer publishes an empty key set.
    EmptyKeySet {
        /// Until the next attempt.
        retry_after: Duration,
    },
    /// There are keys, and the latest fetch failed.
    Unavailable {
        /// Until the next attempt.
        retry_after: Duration,
    },
    /// The key can be new, and no fetch may start yet.
    Pending {
        /// Until a fetch may start.
        retry_after: Duration,
    },
}

impl Ledger {
    /// A ledger without any fetch. The first one is due at `now`.
    pub(crate) fn new(now: Instant) -> Ledger {
        Ledger {
            in_flight: None,
            latest: None,
            latest_trace: None,
            completed: 0,
            latest_success_start: None,
            cooldowns: Cooldowns::default(),
            retry_after_until: None,
            next_attempt: now,
            sightings: Sightings::default(),
        }
    }

    /// Whether a token with an unknown key id may wait for a fetch (CONTRACT 5.3.1), and when that key id was first seen.
    pub(crate) fn look_up_unknown_key(
        &mut self,
        key_id: &str,
        now: Instant,
    ) -> (Result<Awaited, MissingKey>, Instant) {
        let first_seen = self.sightings.first_seen(key_id, now, COOLDOWN);
        let was_fetched_since = self
            .latest_success_start
            .is_some_and(|started| started >= first_seen);
        let lookup = if was_fetched_since {
            Err(MissingKey::Unknown)
        } else {
            self.join_or_start(Trigger::UnknownKey, now)
                .ok_or_else(|| self.missing(now))
        };
        (lookup, first_seen)
    }

    /// A fetch that is in flight, or that this call starts; `None` if none may start.
    pub(crate) fn join_or_start(&mut self, trigger: Trigger, now: Instant) -> Option<Awaited> {
        if self.is_in_flight() {
            return Some(Awaited::Joined);
        }
        let must_wait = self.retry_after_until.is_some_and(|until| now < until);
        if must_wait || !self.cooldown_left(trigger, now).is_zero() {
            return None;
        }
        *self.cooldowns.of(trigger) = Some(now);
        self.in_flight = Some(Flight::new(now, Purpose::Demand));
        Some(Awaited::Started)
    }

    /// Why the key of a token is missing while no fetch is awaited: the cases (c) and (d) of CONTRACT 5.3.1.
    fn missing(&self, now: Instant) -> MissingKey {
        match self.latest {
            Some(CompletedFetch {
                result: FetchResult::Failed,
                ..
            }) => MissingKey::Unavailable {
                retry_after: self.until_next_attempt(now),
            },
            _ => self.pending(now),
        }
    }

    /// [`MissingKey::Pending`] until the cooldown ends.
    pub(crate) fn pending(&self, now: Instant) -> MissingKey {
        MissingKey::Pending {
            retry_after: self.cooldown_left(Trigger::UnknownKey, now),
        }
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// A fetch begins. Returns its start, which is the time of the token's request if a token asked for it, and its purpose.
    pub(crate) fn begin(&mut self, now: Instant, purpose: Purpose) -> (Instant, Purpose) {
        let flight = self
            .in_flight
            .get_or_insert_with(|| Flight::new(now, purpose));
        flight.purpose = flight.purpose.max(purpose);
        (flight.started, flight.purpose)
    }

    /// The operator requests a fetch. Returns the purpose of the fetch in flight, which may have begun before.
    pub(crate) fn order(&mut self, now: Instant) -> Purpose {
        let flight = self
            .in_flight
            .get_or_insert_with(|| Flight::new(now, Purpose::Order));
        flight.purpose
    }

    /// A check of this trace waits for the fetch in flight. The first trace is kept.
    pub(crate) fn set_trace(&mut self, trace: impl FnOnce() -> Option<TraceParent>) {
        if let Some(Flight { trace: kept, .. }) = &mut self.in_flight
            && kept.is_none()
        {
            *kept = trace();
        }
    }

    /// The trace of the first check that waited for the latest fetch.
    pub(crate) fn take_latest_trace(&mut self) -> Option<TraceParent> {
        self.latest_trace.take()
    }

    /// The fetch in flight has ended. `retry_after_until` is what the server asked for (`Retry-After`).
    pub(crate) fn complete(
        &mut self,
        result: FetchResult,
        next_attempt: Instant,
        retry_after_until: Option<Instant>,
    ) {
        let Some(Flight { started, trace, .. }) = self.in_flight.take() else {
            return;
        };
        self.latest_trace = trace;
        if result == FetchResult::Succeeded {
            self.latest_success_start = Some(started);
        }
        self.latest = Some(CompletedFetch { started, result });
        self.completed += 1;
        self.next_attempt = next_attempt;
        self.retry_after_until = retry_after_until;
    }

    /// How many fetches have ended.
    pub(crate) fn completed(&self) -> u64 {
        self.completed
    }

    /// The latest fetch that has ended.
    pub(crate) fn latest(&self) -> Option<CompletedFetch> {
        self.latest
    }

    /// The time until the next attempt; zero while one is in flight.
    pub(crate) fn until_next_attempt(&self, now: Instant) -> Duration {
        if self.is_in_flight() {
            Duration::ZERO
        } else {
            self.next_attempt.saturating_duration_since(now)
        }
    }

    fn cooldown_left(&self, trigger: Trigger, now: Instant) -> Duration {
        let started = match trigger {
            Trigger::UnknownKey => self.cooldowns.unknown_key,
            Trigger::SecondVerification => self.cooldowns.second_verification,
        };
        started.map_or(Duration::ZERO, |started| {
            (started + COOLDOWN).saturating_duration_since(now)
        })
    }
}

impl Flight {
    fn new(started: Instant, purpose: Purpose) -> Flight {
        Flight {
            started,
            purpose,
            trace: None,
        }
    }
}

impl Cooldowns {
    fn of(&mut self, trigger: Trigger) -> &mut Option<Instant> {
        match trigger {
            Trigger::UnknownKey => &mut self.unknown_key,
            Trigger::SecondVerification => &mut self.second_verification,
        }
    }
}

#[cfg(test)]
mod tests;
