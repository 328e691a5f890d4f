//! Header blocks that peers have begun and not ended (RFC 9113 section 4.3).
//!
//! The HTTP/2 library keeps the fields of a block until the block ends, which can take twenty times the memory of its octets. So the
//! number of open blocks on a port is limited, besides their time: each needs a place before the library may read it. A block that
//! fits into one frame is never open, so that Envoy's calls are rarely concerned.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Sleep, sleep};

/// The open header blocks of one port.
#[derive(Debug)]
pub(crate) struct HeaderBlocks {
    table: Mutex<BlockTable>,
    places: Arc<Semaphore>,
    max_open: usize,
    timeout: Duration,
}

/// Blocks in the order in which they began, without those that were evicted.
#[derive(Debug, Default)]
struct BlockTable {
    next: u64,
    open: BTreeMap<u64, oneshot::Sender<()>>,
}

/// One open header block. It has ended when this is dropped.
#[derive(Debug)]
pub(crate) struct OpenHeaderBlock {
    blocks: Arc<HeaderBlocks>,
    number: u64,
    place: BlockPlace,
    evicted: oneshot::Receiver<()>,
    timeout: Pin<Box<Sleep>>,
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

    /// Adds a block that has just begun. If too many are open, the one that began first is evicted, and the new one takes its place
    /// once the connection of the former is closed.
    pub(crate) fn begin(self: &Arc<Self>) -> OpenHeaderBlock {
        let (sender, evicted) = oneshot::channel();
        let mut table = self.table();
        if table.open.len() >= self.max_open
            && let Some((_, oldest)) = table.open.pop_first()
        {
            // An error means that the block has just ended.
            let _ = oldest.send(());
        }
        let number = table.next;
        table.next += 1;
        table.open.insert(number, sender);
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
            timeout: Box::pin(sleep(self.timeout)),
        }
    }

    fn table(&self) -> MutexGuard<'_, BlockTable> {
        // Nothing in here panics while it holds the lock.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl OpenHeaderBlock ===

impl OpenHeaderBlock {
    /// Resolves if the block has to be given up with its connection: it was evicted, or has been open for too long.
    pub(crate) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if Pin::new(&mut self.evicted).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        self.timeout.as_mut().poll(cx)
    }

    /// Resolves once the library may read the block.
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
    use tokio::time::Instant;

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
    async fn one_block_too_many_evicts_the_one_that_began_first() {
        let blocks = Arc::new(HeaderBlocks::new(2, Duration::from_secs(5)));
        let mut first = blocks.begin();
        let ended = blocks.begin();
        drop(ended);
        let mut second = blocks.begin();
        assert!(!is_overdue(&mut first));
        let mut third = blocks.begin();
        let overdue = [&mut first, &mut second, &mut third].map(is_overdue);
        assert_eq!(overdue, [true, false, false]);
        assert!(has_place(&mut second));
        assert!(!has_place(&mut third), "the first one has not ended");
        drop(first);
        assert!(has_place(&mut third));
        let _fourth = blocks.begin();
        assert!(is_overdue(&mut second));
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
