//! Intervals, rates and the order of what they contain.

use std::collections::BTreeMap;
use std::sync::Arc;

use accredit_core::reason::{Decision, Reason};

use super::{History, INTERVAL, MAX_INTERVALS, NameCounts};
use crate::observe::decision_metrics::DecisionTotals;

fn totals(reasons: &[(Reason, u64)]) -> DecisionTotals {
    DecisionTotals {
        reasons: reasons
            .iter()
            .map(|(reason, count)| ((reason.decision(), *reason), *count))
            .collect(),
        ..DecisionTotals::default()
    }
}

#[test]
fn history_intervals_contain_counter_increases_and_the_oldest_is_dropped() {
    let counters = |count| totals(&[(Reason::Allowed, count)]);
    let history = History::default();
    history.start(counters(1000));
    for count in [1000, 1010, 1014, 4, 8] {
        history.add(counters(count), INTERVAL);
    }
    let recent = history.recent();
    assert_eq!(recent.lengths, [INTERVAL; 5]);
    let [allowed] = &recent.reasons[..] else {
        panic!("{recent:?}")
    };
    assert_eq!(allowed.intervals, [0, 10, 4, 0, 4]);
    assert_eq!((allowed.total, allowed.per_second), (18, 0.4));
    for _ in 0..MAX_INTERVALS {
        history.add(counters(8), INTERVAL);
    }
    assert_eq!(history.recent().lengths.len(), MAX_INTERVALS);
    assert_eq!(history.recent().reasons, []);
}

#[test]
fn denials_are_sorted_by_their_current_rate() {
    let history = History::default();
    let early = [(Reason::Expired, 90), (Reason::MissingToken, 1)];
    history.add(totals(&early), INTERVAL);
    history.add(totals(&early), INTERVAL);
    let later = [
        (Reason::Expired, 91),
        (Reason::MissingToken, 1),
        (Reason::Overloaded, 50),
        (Reason::Anonymous, 1),
    ];
    history.add(totals(&later), INTERVAL);
    history.add(totals(&later), INTERVAL);
    let order: Vec<_> = history
        .recent()
        .reasons
        .iter()
        .map(|one| one.reason)
        .collect();
    let expected = [
        Reason::Anonymous,
        Reason::Overloaded,
        Reason::Expired,
        Reason::MissingToken,
    ];
    assert_eq!(order, expected);
}

#[test]
fn what_a_rule_on_trial_admits_is_counted_apart_from_denials_with_its_reason() {
    let history = History::default();
    history.add(
        DecisionTotals {
            reasons: BTreeMap::from([
                ((Decision::Shadow, Reason::Expired), 9),
                ((Decision::Deny, Reason::Expired), 2),
                ((Decision::Allow, Reason::Allowed), 1),
            ]),
            ..DecisionTotals::default()
        },
        INTERVAL,
    );
    let counts: Vec<_> = history
        .recent()
        .reasons
        .iter()
        .map(|one| (one.decision, one.reason, one.total))
        .collect();
    let expected = [
        (Decision::Allow, Reason::Allowed, 1),
        (Decision::Deny, Reason::Expired, 2),
        (Decision::Shadow, Reason::Expired, 9),
    ];
    assert_eq!(counts, expected);
}

#[test]
fn rules_and_issuers_have_rates_of_both_decisions() {
    let history = History::default();
    let named = |deployments: u64, denied: u64| {
        let rule: Arc<str> = "deployments".into();
        DecisionTotals {
            rules: BTreeMap::from([
                ((rule.clone(), Decision::Allow), deployments),
                ((rule, Decision::Deny), denied),
                (("default".into(), Decision::Allow), 7),
            ]),
            ..DecisionTotals::default()
        }
    };
    history.start(named(100, 0));
    for (allowed, denied) in [(150, 10), (160, 30), (160, 30)] {
        history.add(named(allowed, denied), INTERVAL);
    }
    let expected = NameCounts {
        name: "deployments".into(),
        allowed_per_second: 1.0,
        denied_per_second: 2.0,
        allowed: 60,
        denied: 30,
    };
    assert_eq!(history.recent().rules, [expected]);
    assert_eq!(history.recent().issuers, []);
}
