//! Random sequences of what a source does: at each step exactly the keys verify tokens that it gave or confirmed last, until
//! `max_stale`; and once the source works again, its keys do.

use std::sync::Arc;
use std::time::Duration;

use accredit_core::keys::store::lookup::KeyLookup;
use tokio::time::Instant;

use super::scripted::{
    GOOD, Given, Named, RefreshedStore, Reply, ScriptedSource, pass, set, settings, store,
};

const SEQUENCES: u64 = 100;
const STEPS: usize = 40;

/// Pseudo-random numbers, the same in each run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("is small")].clone()
    }

    /// Any keys under any of a few names, so that names are reused and keys come back.
    fn keys(&mut self) -> Vec<Named> {
        (0..self.below(4))
            .map(|_| (self.of(&["a", "b", "c"]), self.of(&[0, 1, 2, 3])))
            .collect()
    }

    fn reply(&mut self) -> Reply {
        let slow = Reply::Set {
            after: Duration::from_millis(self.below(4900)),
            max_age: None,
        };
        let short_lived = Reply::Set {
            after: Duration::ZERO,
            max_age: Some(self.below(400)),
        };
        let busy = Reply::Status(503, Some(self.below(10_000)));
        let failing = Reply::Status(500, None);
        self.of(&[
            GOOD,
            GOOD,
            slow,
            short_lived,
            busy,
            failing,
            Reply::Unchanged,
            Reply::Rubbish,
            Reply::Hang,
            Reply::Panic,
        ])
    }
}

async fn step(chance: &mut Chance, source: &ScriptedSource, kept: &RefreshedStore) {
    match chance.below(6) {
        0 | 1 => source.has(&chance.keys()),
        2 => source.replies(chance.reply()),
        3 => {
            let now = Instant::now();
            let generation = kept
                .store
                .usable_generation(now.into_std())
                .unwrap_or(u64::MAX);
            let kid = chance.of(&["a", "b", "c", "z"]);
            if let KeyLookup::Wait(wait) =
                kept.store
                    .look_up_unknown_key(kid, generation, now.into_std(), None)
            {
                // Some checks end before the fetch does.
                let patience = Duration::from_millis(chance.below(6000));
                let _ = tokio::time::timeout(patience, wait.ended()).await;
            }
        }
        4 => {
            let generation = kept.store.usable_generation(Instant::now().into_std());
            let now = Instant::now().into_std();
            let newer = kept
                .store
                .look_up_newer_keys(generation.unwrap_or(u64::MAX), now, None);
            drop(newer);
        }
        _ => pass(chance.of(&[0.01, 1.0, 9.0, 70.0, 300.0, 4000.0, 50_000.0])).await,
    }
}

fn assert_true_to(source: &ScriptedSource, kept: &RefreshedStore, what: &str) {
    let now = Instant::now();
    let held = kept.store.usable(now.into_std());
    // With an empty set, the issuer has no keys.
    let expected = source
        .given()
        .filter(|given| !given.keys.is_empty() && now < given.asked + settings().max_stale);
    match (&held, &expected) {
        (None, None) => {}
        (Some(held), Some(given)) => {
            assert!(
                held.key_set.judges_as(&set(&given.keys)),
                "{what}: {:?} is not {:?}",
                held.key_set,
                given.keys
            );
        }
        _ => panic!("{what}: {held:?} where {expected:?} is right"),
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_latest_keys_verify_tokens_and_refreshes_always_recover() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for number in 0..SEQUENCES {
        one_sequence(&mut chance, number).await;
    }
}

async fn one_sequence(chance: &mut Chance, number: u64) {
    let source = ScriptedSource::of(&chance.keys());
    source.replies(chance.reply());
    let store = store();
    if chance.below(3) == 0 {
        let (keys, age) = (chance.keys(), Duration::from_secs(chance.below(80_000)));
        let now = Instant::now();
        store.restore(
            Arc::new(set(&keys)),
            age,
            settings().max_stale,
            now.into_std(),
        );
        let asked = now - age;
        source.gave_before(Given { asked, keys });
    }
    let kept = RefreshedStore::from(&source, store);
    for _ in 0..STEPS {
        step(chance, &source, &kept).await;
        // Tasks that are due now run first.
        tokio::task::yield_now().await;
        assert_true_to(&source, &kept, &format!("sequence {number}"));
    }
    source.replies(GOOD);
    // The longest `Retry-After` that is obeyed, and the longest pause after that.
    pass(300.0 + 300.0).await;
    assert_true_to(&source, &kept, &format!("sequence {number}, recovered"));
    assert_eq!(source.given().map(|given| given.keys), Some(source.keys()));
    assert!(
        kept.store
            .status(Instant::now().into_std())
            .last_error
            .is_none()
    );
}
