//! Header blocks that peers have begun and not ended (RFC 9113 section 4.3).
//!
//! `Wire` holds the octets of a block back until it ends, because the HTTP/2 library would keep its fields, which can take a hundred
//! times the memory of their octets. Each block needs a place for its octets. Clients behind Envoy decide how long the headers of
//! Envoy's calls are (it copies `tracestate`), so a block that arrives without a pause must not cost its connection.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, Sleep, sleep};

/// The open header blocks of one port.
#[derive(Debug)]
pub(crate) struct HeaderBlocks {
    table: Mutex<BlockTable>,
    places: Arc<Semaphore>,
    max_open: usize,
    timeout: Duration,
}

/// How long a block may be open although others wait for a place.
const PATIENCE: Duration = Duration::from_secs(1);

/// Blocks in the order in which they began, without those that were evicted.
#[derive(Debug, Default)]
struct BlockTable {
    next: u64,
    open: BTreeMap<u64, TableEntry>,
}

#[derive(Debug)]
struct TableEntry {
    begun: Instant,
    evict: oneshot::Sender<()>,
}

/// One open header block. It has ended when this is dropped.
#[derive(Debug)]
pub(crate) struct OpenHeaderBlock {
    blocks: Arc<HeaderBlocks>,
    number: u64,
    place: BlockPlace,
    evicted: oneshot::Receiver<()>,
    begun: Instant,
    timer: Pin<Box<Sleep>>,
}

enum BlockPlace {
    Awaited(Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>),
    Taken { _permit: OwnedSemaphorePermit },
}

// === impl HeaderBlocks ===

impl HeaderBlocks {
    pub(crate) fn new(max_open: usize, timeout: Duration) -> Self {
        Self {
            table: Mutex::default(),
            places: Arc::new(Semaphore::new(max_open)),
            max_open,
            timeout,
        }
    }

    /// Adds a block that has just begun. If too many are open, it waits for a place. The first of the others is evicted if it has been
    /// open for too long, and its place is free once its connection is closed.
    pub(crate) fn begin(self: &Arc<Self>) -> OpenHeaderBlock {
        let (evict, evicted) = oneshot::channel();
        let begun = Instant::now();
        let mut table = self.table();
        if table.open.len() >= self.max_open
            && let Some(oldest) = table.open.first_entry()
            && begun.duration_since(oldest.get().begun) >= PATIENCE
        {
            // An error means that the block has just ended.
            let _ = oldest.remove().evict.send(());
        }
        let number = table.next;
        table.next += 1;
        table.open.insert(number, TableEntry { begun, evict });
        drop(table);
        let places = Arc::clone(&self.places);
        let place = match Arc::clone(&places).try_acquire_owned() {
            Ok(permit) => BlockPlace::Taken { _permit: permit },
            Err(_) => BlockPlace::Awaited(Box::pin(places.acquire_owned())),
        };
        OpenHeaderBlock {
            blocks: Arc::clone(self),
            number,
            place,
            evicted,
            begun,
            timer: Box::pin(sleep(PATIENCE.min(self.timeout))),
        }
    }

    fn others_wait(&self) -> bool {
        self.table().open.len() > self.max_open
    }

    fn table(&self) -> MutexGuard<'_, BlockTable> {
        // Nothing in here panics while it holds the lock.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl OpenHeaderBlock ===

impl OpenHeaderBlock {
    /// Resolves if the block has to be given up with its connection, because it has been open for too long.
    pub(crate) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if Pin::new(&mut self.evicted).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        ready!(self.timer.as_mut().poll(cx));
        let end = self.begun + self.blocks.timeout;
        if self.blocks.others_wait() || Instant::now() >= end {
            return Poll::Ready(());
        }
        self.timer.as_mut().reset(end);
        self.timer.as_mut().poll(cx)
    }

    /// Resolves once more of the block may be read.
    pub(crate) fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let BlockPlace::Awaited(place) = &mut self.place {
            // The semaphore is not closed. If it were, the block would wait until its time is up.
            let Poll::Ready(Ok(permit)) = place.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            self.place = BlockPlace::Taken { _permit: permit };
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for BlockPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BlockPlace::Awaited(_) => "Awaited",
            BlockPlace::Taken { .. } => "Taken",
        })
    }
}

impl Drop for OpenHeaderBlock {
    fn drop(&mut self) {
        self.blocks.table().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt as _;

    use super::*;

    fn is_overdue(block: &mut OpenHeaderBlock) -> bool {
        poll_fn(|cx| block.poll_overdue(cx))
            .now_or_never()
            .is_some()
    }

    fn has_place(block: &mut OpenHeaderBlock) -> bool {
        poll_fn(|cx| block.poll_place(cx)).now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn one_block_too_many_waits_for_a_place() {
        let blocks = Arc::new(HeaderBlocks::new(2, Duration::from_secs(5)));
        let (mut first, mut second) = (blocks.begin(), blocks.begin());
        let mut third = blocks.begin();
        let mut all = [&mut first, &mut second, &mut third];
        assert!(!all.iter_mut().any(|block| is_overdue(block)));
        assert_eq!(all.map(has_place), [true, true, false]);
        drop(first);
        assert!(has_place(&mut third));
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_that_takes_long_is_given_up_if_another_waits() {
        let blocks = Arc::new(HeaderBlocks::new(2, Duration::from_secs(5)));
        let (mut first, mut second) = (blocks.begin(), blocks.begin());
        tokio::time::advance(PATIENCE).await;
        assert!(!is_overdue(&mut first), "no other waits");
        let mut third = blocks.begin();
        assert!(is_overdue(&mut first));
        assert!(!is_overdue(&mut third));
        drop(first);
        assert!(has_place(&mut third));
        assert!(!is_overdue(&mut second));

        let fourth = blocks.begin();
        assert!(is_overdue(&mut second));
        drop((second, fourth));
        let (_fifth, mut sixth) = (blocks.begin(), blocks.begin());
        tokio::time::advance(PATIENCE).await;
        assert!(is_overdue(&mut third), "the sixth waits");
        assert!(is_overdue(&mut sixth));
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_has_a_time_limit() {
        let blocks = Arc::new(HeaderBlocks::new(2, Duration::from_secs(5)));
        let begun = Instant::now();
        let mut block = blocks.begin();
        poll_fn(|cx| block.poll_overdue(cx)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
    }
}
