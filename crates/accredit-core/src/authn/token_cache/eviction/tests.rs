//! Which tokens are evicted.

use std::collections::HashMap;

use super::{
    EvictionOrder, MAX_SECOND_CHANCES, MAX_USES, MIN_PROBATION, QueuedToken, SecondChances, Uses,
};

/// A cache of tokens that are their own hashes.
#[derive(Default)]
struct Tokens {
    order: EvictionOrder,
    cached: HashMap<u64, (Uses, u64)>,
    weight: u64,
    limit: u64,
}

impl Tokens {
    fn of(limit: u64) -> Tokens {
        Tokens {
            limit,
            ..Tokens::default()
        }
    }

    /// Uses a token of weight 1, and caches it if it is not cached. Returns whether it was.
    fn send(&mut self, token: u64) -> bool {
        self.send_of_weight(token, 1)
    }

    fn send_of_weight(&mut self, token: u64, weight: u64) -> bool {
        if let Some((uses, _)) = self.cached.get(&token) {
            uses.add();
            return true;
        }
        self.cached.insert(token, (Uses::default(), weight));
        self.weight += weight;
        let queued = QueuedToken {
            hash: token,
            weight,
        };
        self.order.push(queued, self.weight <= self.limit);
        let mut chances = SecondChances::new();
        while self.weight > self.limit {
            self.evict(&mut chances);
        }
        false
    }

    fn evict(&mut self, chances: &mut SecondChances) -> u64 {
        let cached = &self.cached;
        let was_used = |token| cached.get(&token).is_some_and(|(uses, _)| uses.take());
        let evicted = self.order.evict(chances, was_used).expect("has tokens");
        let (_, weight) = self.cached.remove(&evicted).expect("was cached");
        self.weight -= weight;
        evicted
    }

    fn has(&self, token: u64) -> bool {
        self.cached.contains_key(&token)
    }

    fn assert_consistent(&self) {
        let EvictionOrder {
            probation,
            main,
            ghosts,
            absent,
            ..
        } = &self.order;
        let queued = probation.tokens.len() + main.tokens.len();
        assert_eq!(queued, self.cached.len());
        assert_eq!(probation.weight + main.weight, self.weight);
        assert!(ghosts.len() <= queued + 1, "{} of {queued}", ghosts.len());
        assert!(absent.len() <= ghosts.len());
    }
}

#[test]
fn the_oldest_unused_token_is_evicted_first() {
    let mut tokens = Tokens::of(4);
    for token in 1..=4 {
        tokens.send(token);
    }
    tokens.send(1);
    let mut chances = SecondChances::new();
    let evicted = [tokens.evict(&mut chances), tokens.evict(&mut chances)];
    assert_eq!(evicted, [2, 3]);
    assert!(tokens.has(1));
}

/// Sends tokens once each, and 800 tokens again after each 100 of them. Returns how often one of the 800 was not cached.
fn misses_beside_single_tokens(limit: u64, single_weight: u64) -> usize {
    let mut tokens = Tokens::of(limit);
    let send_all = |tokens: &mut Tokens| (0..800).filter(|token| !tokens.send(*token)).count();
    assert_eq!(send_all(&mut tokens), 800);
    let mut misses = send_all(&mut tokens);
    for single in 10_000..30_000 {
        tokens.send_of_weight(single, single_weight);
        if single % 100 == 0 {
            misses += send_all(&mut tokens);
            tokens.assert_consistent();
        }
    }
    misses
}

#[test]
fn tokens_that_are_sent_once_do_not_displace_those_that_are_used() {
    assert_eq!(misses_beside_single_tokens(1000, 1), 0);
}

#[test]
fn large_tokens_that_are_sent_once_do_not_displace_small_ones_that_are_used() {
    assert_eq!(misses_beside_single_tokens(3000, 50), 0);
}

#[test]
fn a_token_that_comes_back_after_its_eviction_is_kept_longer() {
    let mut tokens = Tokens::of(100);
    for single in 0..200 {
        tokens.send(single);
    }
    assert_eq!((tokens.has(150), tokens.has(199)), (false, true));
    tokens.send(150);
    for single in 1000..1020 {
        tokens.send(single);
    }
    assert!(tokens.has(150));
    assert!(!tokens.has(199), "it was sent once, and later than 150");
}

#[test]
fn the_queues_have_each_cached_token_once() {
    for limit in [1, 2, MIN_PROBATION as u64, 20, 50, 1000] {
        let mut tokens = Tokens::of(limit);
        for token in 0..5000 {
            tokens.send_of_weight(token, 1 + token % 3.min(limit));
            if token % 3 == 0 && token > 40 {
                tokens.send(token - 40);
            }
            tokens.assert_consistent();
        }
    }
}

/// Tokens that are no longer sent, such as expired ones, do not stay in a small cache.
#[test]
fn tokens_that_are_used_replace_those_that_are_not() {
    for limit in [1, 2, 5, 20, 100] {
        let mut tokens = Tokens::of(limit);
        for old in 0..limit {
            tokens.send(old);
        }
        for new in 1000..1000 + 3 * limit {
            tokens.send(new);
            assert!(tokens.send(new), "{new} of {limit}");
        }
        assert!((0..limit).all(|old| !tokens.has(old)), "{limit}");
    }
}

/// Without this bound, an insertion into a cache of used tokens would consider all of them.
#[test]
fn the_evictions_of_one_insertion_keep_a_bounded_number_of_used_tokens() {
    let mut order = EvictionOrder::default();
    let token = |hash| QueuedToken { hash, weight: 1 };
    for hash in 0..10_000 {
        order.push(token(hash), true);
    }
    let mut considered = 0;
    let mut chances = SecondChances::new();
    for _ in 0..100 {
        let evicted = order.evict(&mut chances, |_| {
            considered += 1;
            true
        });
        assert!(evicted.is_some());
    }
    assert_eq!(considered, MAX_SECOND_CHANCES);
    // The new token is evicted before used ones.
    order.push(token(77_777), false);
    assert_eq!(order.evict(&mut chances, |_| true), Some(77_777));
}

/// A token that was not used takes no second chance, so that used tokens behind it are kept.
#[test]
fn unused_tokens_are_evicted_before_used_ones_in_a_long_series() {
    let mut order = EvictionOrder::default();
    for hash in 0..1000 {
        order.push(QueuedToken { hash, weight: 1 }, true);
    }
    let is_used = |hash| hash % 20 == 0;
    let mut chances = SecondChances::new();
    for _ in 0..950 {
        let evicted = order.evict(&mut chances, is_used).expect("has tokens");
        assert!(!is_used(evicted), "{evicted}");
    }
}

#[test]
fn uses_are_counted_to_a_maximum() {
    let uses = Uses::default();
    assert!(!uses.take());
    for _ in 0..100 {
        uses.add();
    }
    let copied = Uses::of(&uses);
    for uses in [uses, copied] {
        let taken = (0..100).filter(|_| uses.take()).count();
        assert_eq!(taken, usize::from(MAX_USES));
    }
}

#[test]
fn nothing_is_evicted_from_an_empty_cache() {
    let evicted = EvictionOrder::default().evict(&mut SecondChances::new(), |_| true);
    assert_eq!(evicted, None);
}
