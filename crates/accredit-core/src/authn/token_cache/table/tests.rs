//! The buckets of a table, and searches while it changes.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    FIRST_BUCKETS, Link, MAX_BUCKETS, SEGMENTS, TableWriter, TextEntry, TokenTable, index, parent,
    place, segment_len,
};

/// A table whose values are the numbers that its texts show.
struct Numbers {
    table: TokenTable<u64>,
    writer: TableWriter,
}

impl Default for Numbers {
    fn default() -> Numbers {
        let (table, writer) = TokenTable::with_capacity(0);
        Numbers { table, writer }
    }
}

fn text(number: u64) -> String {
    format!("number {number}")
}

impl Numbers {
    /// Returns the number that was replaced.
    fn insert(&mut self, hash: u64, text: &str, number: u64) -> Option<u64> {
        let text = text.as_bytes().into();
        let replaced = self.table.insert(&mut self.writer, hash, text, number);
        replaced.map(|entry| entry.value)
    }

    /// Adds a number that is its own hash.
    fn add(&mut self, number: u64) {
        assert_eq!(self.insert(number, &text(number), number), None);
    }

    fn get(&self, hash: u64, text: &str) -> Option<u64> {
        self.table.get(hash, text.as_bytes(), |number| *number)
    }

    fn remove(&mut self, hash: u64) -> Option<u64> {
        let removed = self.table.remove_by_hash(&mut self.writer, hash);
        removed.map(|entry| entry.value)
    }
}

#[test]
fn each_text_is_found_while_the_table_grows_and_shrinks() {
    let mut numbers = Numbers::default();
    let all = 5 * FIRST_BUCKETS as u64;
    for number in 0..all {
        numbers.add(number);
        assert_eq!(numbers.get(number / 2, &text(number / 2)), Some(number / 2));
    }
    assert_eq!(numbers.writer.entries() as u64, all);
    assert_eq!(numbers.table.buckets.load(Ordering::Relaxed) as u64, all);
    for number in 0..all {
        assert_eq!(numbers.get(number, &text(number)), Some(number));
    }
    for number in (0..all).step_by(2) {
        assert_eq!(numbers.remove(number), Some(number));
    }
    for number in 0..all {
        let expected = (number % 2 == 1).then_some(number);
        assert_eq!(numbers.get(number, &text(number)), expected);
    }
    assert_eq!(numbers.remove(0), None);
    assert_eq!(numbers.writer.entries() as u64, all / 2);
    numbers.table.clear(&mut numbers.writer);
    assert_eq!(numbers.writer.entries(), 0);
    assert!((0..all).all(|number| numbers.get(number, &text(number)).is_none()));
    numbers.add(7);
    assert_eq!(numbers.get(7, &text(7)), Some(7));
}

/// The upper bits of the hashes differ, so that the entries of a bucket have different tags.
#[test]
fn entries_of_one_bucket_are_found_and_removed_by_themselves() {
    let mut numbers = Numbers::default();
    let hash = |number: u64| number << 56 | 7;
    for number in 0..256 {
        assert_eq!(numbers.insert(hash(number), &text(number), number), None);
    }
    for removed in (0..256).step_by(3) {
        assert_eq!(numbers.remove(hash(removed)), Some(removed));
        for number in 0..256 {
            let expected = number > removed || number % 3 != 0;
            let found = numbers.get(hash(number), &text(number));
            assert_eq!(found, expected.then_some(number));
        }
    }
}

#[test]
fn texts_with_equal_hashes_are_separate_entries() {
    let mut numbers = Numbers::default();
    for number in 0..100 {
        assert_eq!(numbers.insert(7, &text(number), number), None);
    }
    for number in 0..100 {
        assert_eq!(numbers.get(7, &text(number)), Some(number));
    }
    assert_eq!(numbers.get(7, "number 100"), None);
    assert_eq!(numbers.get(8, &text(1)), None, "it has another hash");
    let removed: HashSet<u64> = (0..100).filter_map(|_| numbers.remove(7)).collect();
    assert_eq!((removed.len(), numbers.remove(7)), (100, None));
}

#[test]
fn a_text_that_is_added_again_has_its_new_value_only() {
    let mut numbers = Numbers::default();
    for other in [1, 2] {
        numbers.insert(7, &text(other), other);
    }
    assert_eq!(numbers.insert(7, &text(1), 11), Some(1));
    assert_eq!(numbers.insert(7, &text(1), 12), Some(11));
    assert_eq!(numbers.get(7, &text(1)), Some(12));
    assert_eq!(numbers.get(7, &text(2)), Some(2));
    assert_eq!(numbers.writer.entries(), 2);
    assert_eq!([numbers.remove(7), numbers.remove(7)], [Some(12), Some(2)]);
    assert_eq!(numbers.remove(7), None);
}

/// The bucket of an entry changes only when it is split into the added one.
#[test]
fn an_added_bucket_takes_entries_of_one_other_only() {
    for buckets in [1, 2, 3, 5, 1023, 1024, 1025, 2047, 2048, 3000] {
        for hash in (0..20_000_u64).map(|hash| hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
            let (before, after) = (index(hash, buckets), index(hash, buckets + 1));
            assert!(before < buckets);
            assert!(after == before || (after == buckets && before == parent(buckets)));
        }
    }
}

#[test]
fn each_bucket_has_a_place_of_its_own() {
    let places: Vec<_> = (0..8 * FIRST_BUCKETS).map(place).collect();
    let expected = (0..4).flat_map(|segment| {
        let offsets = 0..segment_len(segment);
        offsets.map(move |offset| (segment, offset))
    });
    assert!(places.into_iter().eq(expected));
    let last = place(MAX_BUCKETS - 1);
    assert_eq!(last, (SEGMENTS - 1, segment_len(SEGMENTS - 1) - 1));
}

/// A search can miss an entry that is being moved, but finds no other one in its place. Four texts have the same hash.
#[test]
fn searches_find_the_right_value_while_the_table_changes() {
    let mut numbers = Numbers::default();
    let hash = |number: u64| number / 4;
    let stay = FIRST_BUCKETS as u64;
    for number in 0..stay {
        numbers.insert(hash(number), &text(number), number);
    }
    let done = AtomicBool::new(false);
    let Numbers { table, writer } = &mut numbers;
    std::thread::scope(|scope| {
        for step in [1, 7] {
            let (table, done) = (&*table, &done);
            scope.spawn(move || {
                let mut found = 0;
                for turn in 0.. {
                    let number = turn * step % (3 * stay);
                    let value = table.get(hash(number), text(number).as_bytes(), |value| *value);
                    assert!(value.is_none_or(|value| value == number));
                    found += usize::from(value.is_some());
                    if found > 0 && done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for _ in 0..20 {
            for number in stay..3 * stay {
                let text = text(number).as_bytes().into();
                table.insert(writer, hash(number), text, number);
            }
            for number in stay..3 * stay {
                let removed = table.remove_by_hash(writer, hash(number));
                assert_eq!(removed.map(|entry| hash(entry.value)), Some(hash(number)));
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(numbers.writer.entries() as u64, stay);
    assert!((0..stay).all(|number| numbers.get(hash(number), &text(number)) == Some(number)));
}

/// Entries of a long list that drop each other overflow the stack.
#[test]
fn a_long_list_is_dropped_entry_by_entry() {
    for is_cleared in [true, false] {
        let mut numbers = Numbers::default();
        for number in 0..200_000 {
            let bucket = numbers.table.new_bucket(7).expect("exists");
            let entry = TextEntry {
                hash: 7,
                text: text(number).as_bytes().into(),
                value: number,
                next: Link::new(bucket.first.load_full()),
            };
            bucket.add(Arc::new(entry));
        }
        assert_eq!(numbers.get(7, &text(0)), Some(0));
        if is_cleared {
            numbers.table.clear(&mut numbers.writer);
            assert_eq!(numbers.get(7, &text(0)), None);
        }
    }
}
