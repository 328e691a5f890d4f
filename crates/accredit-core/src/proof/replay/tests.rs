//! The memory of used proofs at moments that the tests choose.

use std::sync::Arc;
use std::time::Duration;

use super::{ReplayAccess, ReplayCache, ReplayTerms};
use crate::proof::dpop::FreshProof;
use crate::token::binding_error::{BindingError, ProofFault};
use crate::token::numeric_date::NumericDate;

fn at(seconds: u64) -> NumericDate {
    NumericDate::after_epoch(Duration::from_secs(seconds))
}

fn proof(key: u8, id: &str, issued: u64) -> FreshProof {
    FreshProof {
        key: [key; 32],
        id: id.into(),
        issued: at(issued),
    }
}

fn configuration(memory: &Arc<ReplayCache>, size: usize, skew: u64) -> ReplayAccess {
    let terms = ReplayTerms {
        size,
        max_skew: Duration::from_secs(skew),
        is_shared: false,
    };
    ReplayAccess::new(memory.clone(), terms)
}

const TOO_OLD: Result<(), BindingError> = Err(BindingError::Proof(ProofFault::TooOld));

#[test]
fn a_proof_can_be_used_once_until_it_is_too_old() {
    let memory = configuration(&Arc::default(), 10, 30);
    let one = proof(1, "a", 1000);
    assert_eq!(memory.look(&one, at(1000)), Ok(()));
    assert_eq!(memory.take(&one, at(1000)), Ok(()));
    assert_eq!(memory.look(&one, at(1000)), Err(BindingError::Replayed));
    assert_eq!(memory.take(&one, at(1089)), Err(BindingError::Replayed));
    assert_eq!(memory.take(&proof(2, "a", 1000), at(1089)), Ok(()));
    assert_eq!(memory.take(&proof(1, "b", 1089), at(1089)), Ok(()));
    assert_eq!(memory.len(), 3);
    assert_eq!(memory.take(&proof(1, "c", 1090), at(1090)), Ok(()));
    assert_eq!(memory.len(), 2, "the two of 1000 are too old");
    assert_eq!(memory.take(&one, at(1090)), TOO_OLD);
}

#[test]
fn a_look_takes_no_room() {
    let memory = configuration(&Arc::default(), 2, 30);
    for id in 0..10 {
        let proof = proof(1, &id.to_string(), 1000);
        assert_eq!(memory.look(&proof, at(1000)), Ok(()));
        assert_eq!(memory.look_for_room(&proof, at(1000)), Ok(()));
    }
    assert!(memory.is_empty());
}

#[test]
fn a_full_memory_refuses_new_proofs_until_old_ones_are_forgotten() {
    let memory = configuration(&Arc::default(), 2, 0);
    assert_eq!(memory.take(&proof(1, "a", 1000), at(1000)), Ok(()));
    assert_eq!(memory.take(&proof(2, "a", 1010), at(1010)), Ok(()));
    let new = proof(3, "a", 1059);
    assert_eq!(memory.look(&new, at(1059)), Ok(()), "it was not used");
    assert_eq!(
        memory.look_for_room(&new, at(1059)),
        Err(BindingError::MemoryFull)
    );
    assert_eq!(memory.take(&new, at(1059)), Err(BindingError::MemoryFull));
    // A full memory still tells what it knows.
    assert_eq!(
        memory.take(&proof(2, "a", 1010), at(1059)),
        Err(BindingError::Replayed)
    );
    assert_eq!(memory.take(&new, at(1060)), Ok(()));
}

#[test]
fn one_key_gets_half_of_the_memory() {
    let memory = configuration(&Arc::default(), 4, 0);
    for id in ["a", "b"] {
        assert_eq!(memory.take(&proof(1, id, 1000), at(1000)), Ok(()));
    }
    let third = proof(1, "c", 1000);
    assert_eq!(
        memory.look_for_room(&third, at(1000)),
        Err(BindingError::ShareFull)
    );
    assert_eq!(memory.take(&third, at(1000)), Err(BindingError::ShareFull));
    assert_eq!(memory.take(&proof(2, "a", 1000), at(1000)), Ok(()));
    assert_eq!(memory.take(&proof(1, "d", 1060), at(1060)), Ok(()));
    assert_eq!(memory.len(), 1);
}

/// A proof that was used, forgotten under a small `clock_skew`, and is fresh again under a larger one.
#[test]
fn a_longer_window_after_a_reload_brings_back_no_proof() {
    let shared = Arc::default();
    let before = configuration(&shared, 10, 30);
    let used = proof(1, "a", 1000);
    assert_eq!(before.take(&used, at(1000)), Ok(()));
    assert_eq!(before.take(&proof(1, "b", 1090), at(1090)), Ok(()));
    let after = configuration(&shared, 10, 300);
    drop(before);
    assert_eq!(after.look(&used, at(1091)), TOO_OLD);
    assert_eq!(after.take(&used, at(1091)), TOO_OLD);
    // A later proof was not forgotten, so that it is known to be unused.
    assert_eq!(after.take(&proof(1, "c", 1001), at(1091)), Ok(()));
    // A proof of a clock that is ahead does not stop those that are issued now.
    assert_eq!(after.take(&proof(2, "a", 1100), at(1091)), Ok(()));
    assert_eq!(after.take(&proof(2, "b", 1092), at(1092)), Ok(()));
}

#[test]
fn the_largest_size_and_the_longest_window_in_force_count() {
    let shared = Arc::default();
    let large = configuration(&shared, 4, 0);
    let small = configuration(&shared, 1, 100);
    for key in 1..=4 {
        assert_eq!(small.take(&proof(key, "a", 1000), at(1000)), Ok(()));
    }
    assert_eq!(
        large.take(&proof(5, "a", 1000), at(1000)),
        Err(BindingError::MemoryFull)
    );
    // It is too old for the one configuration, and fresh for the other.
    assert_eq!(
        large.take(&proof(1, "a", 1000), at(1100)),
        Err(BindingError::Replayed)
    );
    drop(large);
    // What is remembered stays, and the size of the configuration in force counts.
    assert_eq!(
        small.take(&proof(6, "a", 1100), at(1159)),
        Err(BindingError::MemoryFull)
    );
    assert_eq!(small.take(&proof(6, "a", 1100), at(1160)), Ok(()));
    assert_eq!(
        small.take(&proof(7, "a", 1160), at(1160)),
        Err(BindingError::MemoryFull)
    );
}

#[test]
fn a_proof_that_the_shared_memory_took_is_remembered_if_there_is_room() {
    let memory = configuration(&Arc::default(), 2, 30);
    for id in ["a", "b", "c", "d"] {
        assert_eq!(
            memory.remember(&proof(1, id, 1000), at(1000)),
            Ok(()),
            "{id}"
        );
    }
    assert_eq!(memory.len(), 1);
    let first = proof(1, "a", 1000);
    assert_eq!(
        memory.remember(&first, at(1000)),
        Err(BindingError::Replayed)
    );
}

#[test]
fn the_entry_of_a_proof_is_the_same_for_each_replica_and_outlives_the_proof() {
    let [one, other] = [30, 600].map(|skew| configuration(&Arc::default(), 2, skew));
    let proof_a = proof(1, "a", 1000);
    let entry = one.shared(&proof_a, at(1000));
    assert_eq!(entry.key, other.shared(&proof_a, at(1100)).key);
    assert!(entry.key.starts_with("accredit:proof:"), "{}", entry.key);
    assert_eq!(entry.key.len(), "accredit:proof:".len() + 43);
    assert_ne!(entry.key, one.shared(&proof(1, "b", 1000), at(1000)).key);
    assert_ne!(entry.key, one.shared(&proof(2, "a", 1000), at(1000)).key);
    // 60 s, the skew, five minutes and a second.
    assert_eq!(entry.keep, Duration::from_secs(391));
    assert_eq!(
        one.shared(&proof_a, at(1090)).keep,
        Duration::from_secs(301)
    );
    assert_eq!(
        other.shared(&proof_a, at(1000)).keep,
        Duration::from_secs(961)
    );
}

#[test]
fn one_proof_is_taken_once_by_many_threads() {
    let memory = configuration(&Arc::default(), 100, 30);
    let taken = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| memory.take(&proof(1, "a", 1000), at(1000))))
            .collect();
        let results = takers.into_iter().map(|taker| taker.join().unwrap());
        results.filter(Result::is_ok).count()
    });
    assert_eq!(taken, 1);
}

#[test]
fn a_key_that_used_its_share_of_this_memory_records_no_more_in_the_shared_one() {
    let memory = configuration(&Arc::default(), 4, 0);
    for id in ["a", "b"] {
        let own = proof(1, id, 1000);
        assert_eq!(memory.look_for_share(&own, at(1000)), Ok(()));
        assert_eq!(memory.remember(&own, at(1000)), Ok(()));
        let again = memory.look_for_share(&own, at(1000));
        assert_eq!(again, Err(BindingError::Replayed));
    }
    let third = memory.look_for_share(&proof(1, "c", 1000), at(1000));
    assert_eq!(third, Err(BindingError::ShareFull));
    for other in ["d", "e"] {
        assert_eq!(memory.remember(&proof(2, other, 1000), at(1000)), Ok(()));
    }
    // A full memory of this replica refuses nothing.
    let new = memory.look_for_share(&proof(3, "f", 1000), at(1000));
    assert_eq!(new, Ok(()));
}
