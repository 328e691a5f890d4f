//! Stories of fetches and unknown keys, told with times.

use std::time::Duration;

use tokio::time::Instant;

use super::Purpose;
use super::{COOLDOWN, Ledger, Outcome, REMEMBERED, Ruling};

struct Story {
    start: Instant,
    ledger: Ledger,
}

impl Story {
    fn new() -> Story {
        let start = Instant::now();
        Story {
            start,
            ledger: Ledger::new(start),
        }
    }
    fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }
    fn unknown(&mut self, key_id: &str, seconds: f64) -> Ruling {
        let now = self.at(seconds);
        self.ledger.rule_on_unknown_key(key_id, now).0
    }
    fn background(&mut self, seconds: f64) {
        let now = self.at(seconds);
        self.ledger.begin(now, Purpose::Refresh);
    }
    fn end(&mut self, outcome: Outcome, next: f64) {
        let next = self.at(next);
        self.ledger.complete(outcome, next, None);
    }
}

fn pending(seconds: u64) -> Ruling {
    Ruling::Pending {
        retry_after: Duration::from_secs(seconds),
    }
}

#[test]
fn an_invented_key_costs_one_fetch_in_ten_seconds() {
    let mut story = Story::new();
    story.background(0.0);
    story.end(Outcome::Succeeded, 300.0);
    assert_eq!(story.unknown("a", 1.0), Ruling::WaitForNew);
    assert_eq!(story.unknown("b", 1.0), Ruling::Wait);
    story.end(Outcome::Succeeded, 300.0);
    assert_eq!(story.unknown("a", 2.0), Ruling::Absent);
    assert_eq!(story.unknown("c", 3.0), pending(8));
    assert_eq!(story.unknown("c", 10.0), pending(1));
    assert_eq!(story.unknown("c", 11.0), Ruling::WaitForNew);
    story.end(Outcome::Succeeded, 300.0);
    assert_eq!(story.unknown("c", 11.5), Ruling::Absent);
}

#[test]
fn a_background_refresh_answers_too_and_spends_nothing() {
    let mut story = Story::new();
    story.background(0.0);
    assert_eq!(story.unknown("a", 1.0), Ruling::Wait);
    story.end(Outcome::Succeeded, 300.0);
    assert_eq!(
        story.unknown("a", 2.0),
        Ruling::WaitForNew,
        "the refresh started before `a` was seen"
    );
    story.end(Outcome::Succeeded, 300.0);
    assert_eq!(story.unknown("b", 3.0), pending(9));
    story.background(4.0);
    story.end(Outcome::Succeeded, 300.0);
    assert_eq!(
        story.unknown("b", 5.0),
        Ruling::Absent,
        "the refresh started after `b` was seen"
    );
    assert_eq!(story.unknown("c", 12.0), Ruling::WaitForNew);
}

#[test]
fn a_failed_fetch_spends_the_cooldown_and_says_when_the_next_comes() {
    let mut story = Story::new();
    story.background(0.0);
    story.end(Outcome::Succeeded, 300.0);
    assert_eq!(story.unknown("a", 20.0), Ruling::WaitForNew);
    story.end(Outcome::Failed, 24.0);
    assert_eq!(
        story.unknown("a", 21.0),
        Ruling::Failed {
            retry_after: Duration::from_secs(3)
        }
    );
    assert_eq!(
        story.unknown("z", 22.0),
        Ruling::Failed {
            retry_after: Duration::from_secs(2)
        }
    );
    story.background(24.0);
    story.end(Outcome::Succeeded, 300.0);
    assert_eq!(story.unknown("a", 25.0), Ruling::Absent);
}

#[test]
fn a_server_that_asks_to_be_left_alone_is() {
    let mut story = Story::new();
    story.background(0.0);
    let until = story.at(60.0);
    story.ledger.complete(Outcome::Failed, until, Some(until));
    assert_eq!(
        story.unknown("a", 30.0),
        Ruling::Failed {
            retry_after: Duration::from_secs(30)
        }
    );
    assert_eq!(story.unknown("a", 60.0), Ruling::WaitForNew);
}

#[test]
fn what_is_remembered_is_bounded_in_number_and_time() {
    let mut story = Story::new();
    story.background(0.0);
    story.end(Outcome::Succeeded, 300.0);
    story.unknown("first", 1.0);
    story.end(Outcome::Succeeded, 300.0);
    for number in 0..3 * REMEMBERED {
        story.unknown(&number.to_string(), 2.0);
    }
    assert_eq!(story.ledger.sightings.seen.len(), REMEMBERED);
    assert_eq!(
        story.unknown("first", 2.0),
        pending(9),
        "pushed out, and so seen for the first time again"
    );
    story.unknown("late", 2.0 + COOLDOWN.as_secs_f64());
    assert_eq!(story.ledger.sightings.seen.len(), 1);
}
