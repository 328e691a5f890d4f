//! Sequences of fetches and unknown keys at given times.

use std::time::{Duration, Instant};

use super::sightings::MAX_SIGHTINGS;
use super::{Awaited, COOLDOWN, FetchResult, Ledger, MissingKey, Purpose};

struct Sequence {
    start: Instant,
    ledger: Ledger,
}

impl Sequence {
    fn new() -> Sequence {
        let start = Instant::now();
        Sequence {
            start,
            ledger: Ledger::new(start),
        }
    }
    fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }
    fn unknown(&mut self, key_id: &str, seconds: f64) -> Result<Awaited, MissingKey> {
        let now = self.at(seconds);
        self.ledger.look_up_unknown_key(key_id, now).0
    }
    fn background(&mut self, seconds: f64) {
        let now = self.at(seconds);
        self.ledger.begin(now, Purpose::Refresh);
    }
    fn end(&mut self, result: FetchResult, next: f64) {
        let next = self.at(next);
        self.ledger.complete(result, next, None);
    }
}

fn pending(seconds: u64) -> Result<Awaited, MissingKey> {
    Err(MissingKey::Pending {
        retry_after: Duration::from_secs(seconds),
    })
}

#[test]
fn unknown_key_ids_cause_at_most_one_fetch_per_cooldown() {
    let mut sequence = Sequence::new();
    sequence.background(0.0);
    sequence.end(FetchResult::Succeeded, 300.0);
    assert_eq!(sequence.unknown("a", 1.0), Ok(Awaited::Started));
    assert_eq!(sequence.unknown("b", 1.0), Ok(Awaited::Joined));
    sequence.end(FetchResult::Succeeded, 300.0);
    assert_eq!(sequence.unknown("a", 2.0), Err(MissingKey::Unknown));
    assert_eq!(sequence.unknown("c", 3.0), pending(8));
    assert_eq!(sequence.unknown("c", 10.0), pending(1));
    assert_eq!(sequence.unknown("c", 11.0), Ok(Awaited::Started));
    sequence.end(FetchResult::Succeeded, 300.0);
    assert_eq!(sequence.unknown("c", 11.5), Err(MissingKey::Unknown));
}

#[test]
fn a_background_refresh_resolves_unknown_keys_and_does_not_start_the_cooldown() {
    let mut sequence = Sequence::new();
    sequence.background(0.0);
    assert_eq!(sequence.unknown("a", 1.0), Ok(Awaited::Joined));
    sequence.end(FetchResult::Succeeded, 300.0);
    assert_eq!(
        sequence.unknown("a", 2.0),
        Ok(Awaited::Started),
        "the refresh started before `a` was seen"
    );
    sequence.end(FetchResult::Succeeded, 300.0);
    assert_eq!(sequence.unknown("b", 3.0), pending(9));
    sequence.background(4.0);
    sequence.end(FetchResult::Succeeded, 300.0);
    assert_eq!(
        sequence.unknown("b", 5.0),
        Err(MissingKey::Unknown),
        "the refresh started after `b` was seen"
    );
    assert_eq!(sequence.unknown("c", 12.0), Ok(Awaited::Started));
}

#[test]
fn a_failed_fetch_starts_the_cooldown_and_gives_the_time_of_the_next() {
    let mut sequence = Sequence::new();
    sequence.background(0.0);
    sequence.end(FetchResult::Succeeded, 300.0);
    assert_eq!(sequence.unknown("a", 20.0), Ok(Awaited::Started));
    sequence.end(FetchResult::Failed, 24.0);
    assert_eq!(
        sequence.unknown("a", 21.0),
        Err(MissingKey::Unavailable {
            retry_after: Duration::from_secs(3)
        })
    );
    assert_eq!(
        sequence.unknown("z", 22.0),
        Err(MissingKey::Unavailable {
            retry_after: Duration::from_secs(2)
        })
    );
    sequence.background(24.0);
    sequence.end(FetchResult::Succeeded, 300.0);
    assert_eq!(sequence.unknown("a", 25.0), Err(MissingKey::Unknown));
}

#[test]
fn a_token_triggers_no_fetch_before_retry_after() {
    let mut sequence = Sequence::new();
    sequence.background(0.0);
    let until = sequence.at(60.0);
    sequence
        .ledger
        .complete(FetchResult::Failed, until, Some(until));
    assert_eq!(
        sequence.unknown("a", 30.0),
        Err(MissingKey::Unavailable {
            retry_after: Duration::from_secs(30)
        })
    );
    assert_eq!(sequence.unknown("a", 60.0), Ok(Awaited::Started));
}

#[test]
fn unknown_key_ids_are_remembered_up_to_a_number_and_a_time() {
    let mut sequence = Sequence::new();
    sequence.background(0.0);
    sequence.end(FetchResult::Succeeded, 300.0);
    let _ = sequence.unknown("first", 1.0);
    sequence.end(FetchResult::Succeeded, 300.0);
    for number in 0..3 * MAX_SIGHTINGS {
        let _ = sequence.unknown(&number.to_string(), 2.0);
    }
    assert_eq!(sequence.ledger.sightings.seen.len(), MAX_SIGHTINGS);
    assert_eq!(
        sequence.unknown("first", 2.0),
        pending(9),
        "pushed out, and so seen for the first time again"
    );
    let _ = sequence.unknown("late", 2.0 + COOLDOWN.as_secs_f64());
    assert_eq!(sequence.ledger.sightings.seen.len(), 1);
}
