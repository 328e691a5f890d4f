//! A hash table of texts. A search takes no lock and does not wait for changes.
//!
//! The entries of a bucket are a linked list. A table with more entries than buckets grows by one bucket for each entry that is added
//! (linear hashing, Litwin 1980). So no change moves all entries. A search can miss an entry while its bucket is split. It never finds another text.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

/// The number of buckets of the first segment, a power of two. Each other segment has as many buckets as all before it.
const FIRST_BUCKETS: usize = 1024;

const SEGMENTS: usize = 21;

/// The greatest number of buckets of a new table. They take 2.25 MiB.
const MAX_INITIAL_BUCKETS: usize = 1 << 18;

/// The greatest number of buckets.
const MAX_BUCKETS: usize = FIRST_BUCKETS << (SEGMENTS - 1);

/// Values by texts, found by hashes of the texts that the caller supplies.
pub(super) struct TokenTable<T> {
    /// A segment takes memory when one of its buckets is needed for the first time.
    segments: [OnceLock<Segment<T>>; SEGMENTS],
    /// The number of buckets in use.
    buckets: AtomicUsize,
}

/// A table has one, and each change borrows it as `&mut`, so that there is one change at a time.
pub(super) struct TableWriter {
    entries: usize,
}

/// A number of buckets. A search of a text that is not in the table usually reads tags only. The tags are apart from the lists and small, so that
/// they stay in the processor's cache.
struct Segment<T> {
    tags: Box<[AtomicU8]>,
    lists: Box<[Link<T>]>,
}

struct Bucket<'a, T> {
    /// The tags of its entries: one bit for each value of the first three bits of a hash.
    tags: &'a AtomicU8,
    first: &'a Link<T>,
}

/// A text and its value. The text is a secret.
pub(super) struct TextEntry<T> {
    hash: u64,
    text: Box<[u8]>,
    pub(super) value: T,
    /// The next entry of the same bucket.
    next: Link<T>,
}

/// The reference to the first entry of a bucket, or to the next one.
type Link<T> = ArcSwapOption<TextEntry<T>>;

// === impl TableWriter ===

impl TableWriter {
    /// The number of entries.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }
}

// === impl TokenTable ===

impl<T> TokenTable<T> {
    /// A table for this number of entries. It grows when it has more.
    pub(super) fn with_capacity(entries: usize) -> (TokenTable<T>, TableWriter) {
        let table = TokenTable {
            segments: std::array::from_fn(|_| OnceLock::new()),
            buckets: AtomicUsize::new(entries.clamp(FIRST_BUCKETS, MAX_INITIAL_BUCKETS)),
        };
        (table, TableWriter { entries: 0 })
    }

    /// Reads the value of a text.
    pub(super) fn get<R>(&self, hash: u64, text: &[u8], read: impl FnOnce(&T) -> R) -> Option<R> {
        self.find(hash, |entry| *entry.text == *text, read)
    }

    /// Reads the value of a text with this hash, whichever text that is.
    pub(super) fn get_by_hash<R>(&self, hash: u64, read: impl FnOnce(&T) -> R) -> Option<R> {
        self.find(hash, |_| true, read)
    }

    fn find<R>(
        &self,
        hash: u64,
        is_wanted: impl Fn(&TextEntry<T>) -> bool,
        read: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let bucket = self.bucket_of(hash)?;
        if !bucket.has_tag_of(hash) {
            return None;
        }
        let mut at = bucket.first.load();
        while let Some(entry) = &*at {
            if entry.hash == hash && is_wanted(entry) {
                return Some(read(&entry.value));
            }
            let next = entry.next.load();
            at = next;
        }
        None
    }

    /// Adds a text, or replaces its value. Returns the replaced entry.
    pub(super) fn insert(
        &self,
        writer: &mut TableWriter,
        hash: u64,
        text: Box<[u8]>,
        value: T,
    ) -> Option<Arc<TextEntry<T>>> {
        let bucket = self.new_bucket(index(hash, self.buckets.load(Ordering::Relaxed)))?;
        let entry = Arc::new(TextEntry {
            hash,
            text,
            value,
            next: Link::new(bucket.first.load_full()),
        });
        let can_have_it = bucket.has_tag_of(hash);
        bucket.add(Arc::clone(&entry));
        let is_older = |other: &TextEntry<T>| other.hash == hash && other.text == entry.text;
        let replaced = if can_have_it {
            unlink(&entry.next, is_older)
        } else {
            None
        };
        if replaced.is_none() {
            writer.entries += 1;
            self.split(writer);
        }
        replaced
    }

    /// Removes a text with this hash, whichever text that is.
    pub(super) fn remove_by_hash(
        &self,
        writer: &mut TableWriter,
        hash: u64,
    ) -> Option<Arc<TextEntry<T>>> {
        let removed = self.bucket_of(hash)?.remove(|entry| entry.hash == hash)?;
        writer.entries = writer.entries.saturating_sub(1);
        Some(removed)
    }

    pub(super) fn clear(&self, writer: &mut TableWriter) {
        self.remove_all();
        writer.entries = 0;
    }

    fn remove_all(&self) {
        let segments = self.segments.iter().filter_map(OnceLock::get);
        segments.flat_map(Segment::buckets).for_each(Bucket::clear);
    }

    /// Adds a bucket if there are more entries than buckets.
    fn split(&self, writer: &TableWriter) {
        let buckets = self.buckets.load(Ordering::Relaxed);
        if writer.entries <= buckets || buckets >= MAX_BUCKETS {
            return;
        }
        let Some(to) = self.new_bucket(buckets) else {
            return;
        };
        let is_moved = |entry: &TextEntry<T>| index(entry.hash, buckets + 1) == buckets;
        let from = self.bucket(parent(buckets));
        while let Some(entry) = from.as_ref().and_then(|from| from.remove(is_moved)) {
            entry.next.store(to.first.load_full());
            to.add(entry);
        }
        self.buckets.store(buckets + 1, Ordering::Release);
    }

    fn bucket_of(&self, hash: u64) -> Option<Bucket<'_, T>> {
        self.bucket(index(hash, self.buckets.load(Ordering::Acquire)))
    }

    fn bucket(&self, index: usize) -> Option<Bucket<'_, T>> {
        let (segment, offset) = place(index);
        self.segments.get(segment)?.get()?.bucket(offset)
    }

    /// The bucket with this index, whose segment is made if it does not exist.
    fn new_bucket(&self, index: usize) -> Option<Bucket<'_, T>> {
        let (segment, offset) = place(index);
        let new = || Segment::new(segment_len(segment));
        self.segments.get(segment)?.get_or_init(new).bucket(offset)
    }
}

impl<T> Drop for TokenTable<T> {
    fn drop(&mut self) {
        self.remove_all();
    }
}

// === impl Segment ===

impl<T> Segment<T> {
    fn new(buckets: usize) -> Segment<T> {
        Segment {
            tags: (0..buckets).map(|_| AtomicU8::new(0)).collect(),
            lists: (0..buckets).map(|_| Link::empty()).collect(),
        }
    }

    fn bucket(&self, offset: usize) -> Option<Bucket<'_, T>> {
        Some(Bucket {
            tags: self.tags.get(offset)?,
            first: self.lists.get(offset)?,
        })
    }

    fn buckets(&self) -> impl Iterator<Item = Bucket<'_, T>> {
        let parts = self.tags.iter().zip(&self.lists);
        parts.map(|(tags, first)| Bucket { tags, first })
    }
}

// === impl Bucket ===

impl<T> Bucket<'_, T> {
    /// Whether an entry has the tag of this hash. If none has, the bucket has no entry with this hash.
    fn has_tag_of(&self, hash: u64) -> bool {
        self.tags.load(Ordering::Acquire) & tag(hash) != 0
    }

    /// Adds an entry whose next entry is the first one of this bucket.
    fn add(&self, entry: Arc<TextEntry<T>>) {
        let tag = tag(entry.hash);
        self.first.store(Some(entry));
        self.tags.fetch_or(tag, Ordering::Release);
    }

    /// Removes the first such entry.
    fn remove(&self, is_wanted: impl Fn(&TextEntry<T>) -> bool) -> Option<Arc<TextEntry<T>>> {
        let removed = unlink(self.first, is_wanted)?;
        let entries = std::iter::successors(self.first.load_full(), |entry| entry.next.load_full());
        let tags = entries.fold(0, |tags, entry| tags | tag(entry.hash));
        self.tags.store(tags, Ordering::Release);
        Some(removed)
    }

    fn clear(self) {
        self.tags.store(0, Ordering::Release);
        // One after the other: dropping a list drops its entries recursively.
        while unlink(self.first, |_| true).is_some() {}
    }
}

/// Removes the first such entry from the list that begins at `link`.
fn unlink<T>(
    link: &Link<T>,
    is_wanted: impl Fn(&TextEntry<T>) -> bool,
) -> Option<Arc<TextEntry<T>>> {
    let mut before: Option<Arc<TextEntry<T>>> = None;
    loop {
        let link = before.as_deref().map_or(link, |before| &before.next);
        let entry = link.load_full()?;
        if is_wanted(&entry) {
            link.store(entry.next.load_full());
            return Some(entry);
        }
        before = Some(entry);
    }
}

/// The bit of a hash in the tags of its bucket. The last bits of the hash name the bucket, so that the first ones differ within it.
fn tag(hash: u64) -> u8 {
    1 << (hash >> 61)
}

/// The index of the bucket of a hash in a table with this number of buckets. If the last bits of the hash name a bucket that does not exist
/// yet, the entry is in the bucket that will be split into that one.
fn index(hash: u64, buckets: usize) -> usize {
    let mask = buckets.next_power_of_two() - 1;
    let index = usize::try_from(hash & mask as u64).unwrap_or_default();
    if index < buckets {
        index
    } else {
        parent(index)
    }
}

/// The bucket that is split into this one: its index without the highest bit.
fn parent(index: usize) -> usize {
    index.checked_ilog2().map_or(0, |bit| index ^ (1 << bit))
}

/// The segment of a bucket, and its index there.
fn place(index: usize) -> (usize, usize) {
    match (index / FIRST_BUCKETS).checked_ilog2() {
        None => (0, index),
        Some(bit) => (bit as usize + 1, index - (FIRST_BUCKETS << bit)),
    }
}

fn segment_len(segment: usize) -> usize {
    FIRST_BUCKETS << segment.saturating_sub(1)
}

#[cfg(test)]
mod tests;
